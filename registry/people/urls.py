"""Pages about who somebody is. The patient's own page, `patient`, belongs to `clinic/visits`."""

from django.urls import path

from registry.people import views

urlpatterns = [
    path("find/", views.find, name="find"),
    path("register/", views.register, name="register"),
    path("patients/<uuid:patient_id>/edit/", views.edit, name="patient-edit"),
    path("patients/<uuid:patient_id>/history/", views.history, name="patient-history"),
]
