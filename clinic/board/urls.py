"""Pages of the day board."""

from django.urls import path

from clinic.board import views

urlpatterns = [
    path("", views.home, name="home"),
    path("queue/", views.queue, name="queue"),
    path("board/", views.day_board, name="board"),
    path("day/", views.clinic_day_page, name="clinic-day"),
    path("station/", views.station, name="station"),
]
