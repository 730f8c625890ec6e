"""The address of the access log in the API, under `/api/v1/`."""

from django.urls import path

from registry.access import api

urlpatterns = [path("openings/", api.Openings.as_view())]
