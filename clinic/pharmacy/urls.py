"""Pages of the pharmacy."""

from django.urls import path

from clinic.pharmacy import allergy_views, count_views, stock_views, views

urlpatterns = [
    path("visits/<uuid:visit_id>/prescribe/", views.prescribe, name="prescribe"),
    path(
        "visits/<uuid:visit_id>/prescribe/<uuid:medicine_id>/",
        views.prescribe_medicine,
        name="prescribe-medicine",
    ),
    path("medicines/<uuid:medicine_id>/comes-to/", views.comes_to, name="prescribe-comes-to"),
    path("prescription-lines/<uuid:line_id>/cancel/", views.cancel, name="prescription-cancel"),
    path("prescription-lines/<uuid:line_id>/end/", views.end, name="prescription-end"),
    path("pharmacy/", views.waiting, name="pharmacy"),
    path("prescriptions/<uuid:prescription_id>/dispense/", views.dispense, name="dispense"),
    path("dispensings/<uuid:dispensing_id>/", views.dispensing, name="dispensing"),
    path("dispensings/<uuid:dispensing_id>/labels/", views.labels, name="dispensing-labels"),
    path("patients/<uuid:patient_id>/allergies/", allergy_views.allergies, name="patient-allergies"),
    path("allergies/<uuid:allergy_id>/refute/", allergy_views.refute, name="allergy-refute"),
    path("stock/", stock_views.stock, name="stock"),
    path("stock/receive/", stock_views.receive_choose, name="stock-receive-choose"),
    path("stock/count/", count_views.stock_count, name="stock-count"),
    path("stock/<uuid:medicine_id>/", stock_views.stock_medicine, name="stock-medicine"),
    path("stock/<uuid:medicine_id>/receive/", stock_views.stock_receive, name="stock-receive"),
    path("stock/<uuid:medicine_id>/adjust/", stock_views.stock_adjust, name="stock-adjust"),
    path("medicines/", stock_views.medicines, name="medicines"),
    path("medicines/import/", stock_views.medicines_import, name="medicines-import"),
]
