"""Addresses for tablets that are not known yet, or prove themselves."""

from django.urls import path

from registry.tablets import views

urlpatterns = [
    path("tablet/join/", views.join, name="tablet-join"),
    path("tablet/proof/", views.proof, name="tablet-proof"),
    path("blocked/report/", views.blocked, name="blocked-report"),
]
