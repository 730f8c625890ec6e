"""Pages of referrals."""

from django.urls import path

from clinic.referrals import views

urlpatterns = [
    path("referrals/", views.lists, name="referrals"),
    path("visits/<uuid:visit_id>/refer/", views.write, name="refer"),
    path("referrals/<uuid:referral_id>/", views.one, name="referral"),
    path("referrals/<uuid:referral_id>/letter/", views.letter, name="referral-letter"),
    path("referrals/<uuid:referral_id>/receive/", views.step, {"deed": "receive"}, name="referral-receive"),
    path("referrals/<uuid:referral_id>/answer/", views.step, {"deed": "answer"}, name="referral-answer"),
    path("referrals/<uuid:referral_id>/cancel/", views.step, {"deed": "cancel"}, name="referral-cancel"),
]
