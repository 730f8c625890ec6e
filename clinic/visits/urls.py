"""Pages of visits, and the patient's own page."""

from django.urls import path

from clinic.visits import views

urlpatterns = [
    path("patients/<uuid:patient_id>/", views.patient, name="patient"),
    path("patients/<uuid:patient_id>/visit/", views.start, name="visit-open"),
    path("patients/<uuid:patient_id>/enroll/", views.enroll, name="enroll"),
    path("visits/<uuid:visit_id>/", views.visit, name="visit"),
    path("visits/<uuid:visit_id>/claim/", views.claim, name="visit-claim"),
    path("visits/<uuid:visit_id>/send/", views.send, name="visit-send"),
    path("visits/<uuid:visit_id>/close/", views.close, name="visit-close"),
    path("visits/<uuid:visit_id>/stages/<str:stage_id>/", views.stage, name="visit-stage"),
    path("events/<uuid:event_id>/history/", views.event_history, name="event-history"),
]
