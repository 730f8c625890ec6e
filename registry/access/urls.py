"""Pages of the access log."""

from django.urls import path

from registry.access import views

urlpatterns = [
    path("patients/<uuid:patient_id>/reason/", views.reason, name="patient-reason"),
    path("access/", views.log, name="access-log"),
]
