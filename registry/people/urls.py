"""Pages about who somebody is. The patient's own page, `patient`, belongs to `clinic/visits`."""

from django.urls import path

from registry.people import card_views, family_views, register_views, scanning, views

urlpatterns = [
    path("find/", views.find, name="find"),
    path("find/scan/", scanning.scan, name="scan"),
    path("register/", register_views.register, name="register"),
    path("register/villages/", register_views.village_choices, name="register-villages"),
    path("register/likely/", register_views.likely_so_far, name="register-likely"),
    path("cards/", card_views.card_sheet, name="cards"),
    path("patients/<uuid:patient_id>/edit/", views.edit, name="patient-edit"),
    path("patients/<uuid:patient_id>/history/", views.history, name="patient-history"),
    path("patients/<uuid:patient_id>/family/", family_views.family, name="patient-family"),
    path("patients/<uuid:patient_id>/family/unlink/", family_views.unlink, name="patient-unlink"),
    path("patients/<uuid:patient_id>/card/", card_views.card, name="patient-card"),
    path("patients/<uuid:patient_id>/label/", card_views.label, name="patient-label"),
]
