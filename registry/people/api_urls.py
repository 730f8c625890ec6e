"""The addresses of people in the API, under `/api/v1/`."""

from django.urls import path

from registry.people import api, family_api

urlpatterns = [
    path("patients/", api.Patients.as_view()),
    path("patients/<uuid:patient_id>/", api.OnePatient.as_view()),
    path("patients/<uuid:patient_id>/history/", api.PatientHistory.as_view()),
    path("patients/<uuid:patient_id>/relations/", family_api.Relations.as_view()),
    path("patients/<uuid:patient_id>/relations/<uuid:relation_id>/", family_api.OneRelation.as_view()),
]
