"""The addresses of reports in the API, under `/api/v1/`."""

from django.urls import path

from clinic.reports import api

urlpatterns = [
    path("reports/register/", api.Register.as_view()),
    path("reports/morbidity/", api.MorbidityReport.as_view()),
    path("reports/visits/", api.Visits.as_view()),
    path("reports/stock/", api.Stock.as_view()),
    path("reports/programs/", api.Programs.as_view()),
]
