"""The address of the day board in the API, under `/api/v1/`."""

from django.urls import path

from clinic.board import api

urlpatterns = [path("board/", api.Board.as_view())]
