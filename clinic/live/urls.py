"""The address of the live feed for pages."""

from django.urls import path

from clinic.live import views

urlpatterns = [path("board/live/", views.board_live, name="board-live")]
