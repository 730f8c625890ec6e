"""Pages of programs."""

from django.urls import path

from clinic.programs import views

urlpatterns = [path("central/rules/", views.rules, name="program-rules")]
