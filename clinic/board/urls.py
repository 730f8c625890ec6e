"""Pages of the day board."""

from django.urls import path

from clinic.board import views

urlpatterns = [
    path("", views.home, name="home"),
    path("queue/", views.queue, name="queue"),
    path("station/", views.station, name="station"),
]
