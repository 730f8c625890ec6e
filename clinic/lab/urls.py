"""Pages of the laboratory."""

from django.urls import path

from clinic.lab import views

urlpatterns = [
    path("lab/", views.the_bench, name="lab"),
    path("lab/patients/<uuid:patient_id>/", views.results, name="lab-results"),
    path("lab/results/<uuid:result_id>/", views.correct, name="lab-correct"),
    path("visits/<uuid:visit_id>/tests/", views.order, name="lab-order"),
    path("lab/orders/<uuid:order_id>/taken/", views.step, {"deed": "taken"}, name="lab-taken"),
    path("lab/orders/<uuid:order_id>/cancel/", views.step, {"deed": "cancel"}, name="lab-cancel"),
    path("lab/orders/<uuid:order_id>/seen/", views.step, {"deed": "seen"}, name="lab-seen"),
]
