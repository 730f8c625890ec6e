"""Pages for program packages."""

from django.urls import path

from clinic.exchange.dhis2 import views

urlpatterns = [path("central/programs/import/", views.programs_import, name="programs-import")]
