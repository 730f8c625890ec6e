"""The addresses of visits, enrollments and events in the API, under `/api/v1/`."""

from django.urls import path

from clinic.visits import api, care_api, coding, moving_api

urlpatterns = [
    path("visits/", api.Visits.as_view()),
    path("visits/<uuid:visit_id>/", api.OneVisit.as_view()),
    path("visits/<uuid:visit_id>/send/", moving_api.SendVisit.as_view()),
    path("visits/<uuid:visit_id>/claim/", moving_api.ClaimVisit.as_view()),
    path("visits/<uuid:visit_id>/release/", moving_api.ReleaseVisit.as_view()),
    path("visits/<uuid:visit_id>/skip/", moving_api.SkipVisit.as_view()),
    path("visits/<uuid:visit_id>/leave/", moving_api.LeaveVisit.as_view()),
    path("visits/<uuid:visit_id>/return/", moving_api.ReturnVisit.as_view()),
    path("visits/<uuid:visit_id>/priority/", moving_api.PrioritiseVisit.as_view()),
    path("visits/<uuid:visit_id>/close/", moving_api.CloseVisit.as_view()),
    path("enrollments/", api.Enrollments.as_view()),
    path("enrollments/<uuid:enrollment_id>/", care_api.OneEnrollment.as_view()),
    path("enrollments/<uuid:enrollment_id>/steps/", care_api.EnrollmentSteps.as_view()),
    path("icd10/", coding.SearchCodes.as_view()),
    path("worklists/", care_api.Worklists.as_view()),
    path("events/", api.Events.as_view()),
    path("events/<uuid:event_id>/", api.OneEvent.as_view()),
    path("patients/<uuid:patient_id>/timeline/", api.PatientTimeline.as_view()),
]
