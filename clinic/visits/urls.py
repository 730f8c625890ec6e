"""Pages of visits, and the patient's own page."""

from django.urls import path

from clinic.visits import care_views, coding, views

urlpatterns = [
    path("patients/<uuid:patient_id>/", views.patient, name="patient"),
    path("patients/<uuid:patient_id>/visit/", views.start, name="visit-open"),
    path("patients/<uuid:patient_id>/enroll/", care_views.enroll, name="enroll"),
    path("patients/<uuid:patient_id>/followed-up/", care_views.settle, name="follow-up-done"),
    path("icd10/", coding.fragment, name="icd10"),
    path("worklist/", care_views.worklist, name="worklist"),
    path("enrollments/<uuid:enrollment_id>/", care_views.enrollment, name="enrollment"),
    path("enrollments/<uuid:enrollment_id>/card/", care_views.card, name="care-card"),
    path("enrollments/<uuid:enrollment_id>/fill-in/", care_views.fill_in, name="enrollment-fill"),
    path("enrollments/<uuid:enrollment_id>/decide/", care_views.decide, name="enrollment-decide"),
    path("enrollments/<uuid:enrollment_id>/answers/", care_views.correct_answers, name="enrollment-answers"),
    path(
        "enrollments/<uuid:enrollment_id>/history/", care_views.enrollment_history, name="enrollment-history"
    ),
    path("enrollments/<uuid:enrollment_id>/days/", care_views.correct_days, name="enrollment-days"),
    path("visits/<uuid:visit_id>/", views.visit, name="visit"),
    path("visits/<uuid:visit_id>/claim/", views.claim, name="visit-claim"),
    path("visits/<uuid:visit_id>/move/", views.move, name="visit-move"),
    path("visits/<uuid:visit_id>/send/", views.send, name="visit-send"),
    path("visits/<uuid:visit_id>/close/", views.close, name="visit-close"),
    path("visits/<uuid:visit_id>/stages/<str:stage_id>/", views.stage, name="visit-stage"),
    path("events/<uuid:event_id>/history/", views.event_history, name="event-history"),
]
