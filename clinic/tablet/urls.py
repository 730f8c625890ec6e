"""Addresses for tablets."""

from django.urls import path

from clinic.tablet import views

urlpatterns = [
    path("worker.js", views.worker, name="tablet-worker"),
    path("tablet/ping/", views.ping, name="tablet-ping"),
    path("tablet/leave/", views.leave, name="tablet-leave"),
    path("tablet/outbox/", views.outbox, name="tablet-outbox"),
    path("tablet/drafts/", views.keep, name="draft-keep"),
    path("tablet/drafts/discard/", views.discard, name="draft-discard"),
    path("tablet/kept/", views.kept, name="kept"),
    path("tablet/without-laptop/<str:why>/", views.without_laptop, name="without-laptop"),
]
