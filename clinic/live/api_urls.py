"""The address of the live feed in the API, under `/api/v1/`."""

from django.urls import path

from clinic.live import api

urlpatterns = [path("board/live/", api.BoardLive.as_view())]
