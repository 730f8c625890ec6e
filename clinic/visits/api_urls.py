"""The addresses of visits, enrollments and events in the API, under `/api/v1/`."""

from django.urls import path

from clinic.visits import api

urlpatterns = [
    path("visits/", api.Visits.as_view()),
    path("visits/<uuid:visit_id>/", api.OneVisit.as_view()),
    path("visits/<uuid:visit_id>/send/", api.SendVisit.as_view()),
    path("visits/<uuid:visit_id>/claim/", api.ClaimVisit.as_view()),
    path("visits/<uuid:visit_id>/close/", api.CloseVisit.as_view()),
    path("enrollments/", api.Enrollments.as_view()),
    path("events/", api.Events.as_view()),
    path("events/<uuid:event_id>/", api.OneEvent.as_view()),
    path("patients/<uuid:patient_id>/timeline/", api.PatientTimeline.as_view()),
]
