"""Addresses of forms."""

from django.urls import path

from clinic.forms import views

urlpatterns = [path("options/<uuid:version_id>/<str:key>/", views.options, name="options")]
