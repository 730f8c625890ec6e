"""Pages of reports."""

from django.urls import path

from clinic.reports import views

urlpatterns = [
    path("reports/", views.daily_register, name="reports"),
    path("reports/<slug:which>.csv", views.report_file, name="report-file"),
    path("reports/<slug:which>/", views.report, name="report"),
    path("patients/<uuid:patient_id>/measurements/", views.measurements, name="measurements"),
]
