"""The addresses of referrals in the API, under `/api/v1/`."""

from django.urls import path

from clinic.referrals import api

urlpatterns = [
    path("referrals/", api.Referrals.as_view()),
    path("referrals/<uuid:referral_id>/receive/", api.Step.as_view(deed="receive")),
    path("referrals/<uuid:referral_id>/answer/", api.Step.as_view(deed="answer")),
    path("referrals/<uuid:referral_id>/cancel/", api.Step.as_view(deed="cancel")),
]
