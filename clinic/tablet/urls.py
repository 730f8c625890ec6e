"""Addresses for tablets, and for the coordinator who looks after them."""

from django.urls import path

from clinic.tablet import blocked, fleet, views

urlpatterns = [
    path("blocked/", blocked.listed, name="blocked"),
    path("tablets/", fleet.tablets, name="tablets"),
    path("tablets/add/", fleet.add, name="tablets-add"),
    path("tablets/offer/<int:offer_id>/", fleet.offered, name="tablets-offer"),
    path("tablets/<uuid:tablet_id>/revoke/", fleet.send_away, name="tablet-revoke"),
    path("tablets/<uuid:tablet_id>/looked-into/", fleet.looked_into, name="tablet-looked-into"),
    path("worker.js", views.worker, name="tablet-worker"),
    path("tablet/ping/", views.ping, name="tablet-ping"),
    path("tablet/leave/", views.leave, name="tablet-leave"),
    path("tablet/outbox/", views.outbox, name="tablet-outbox"),
    path("tablet/drafts/", views.keep, name="draft-keep"),
    path("tablet/drafts/discard/", views.discard, name="draft-discard"),
    path("tablet/kept/", views.kept, name="kept"),
    path("tablet/without-laptop/<str:why>/", views.without_laptop, name="without-laptop"),
]
