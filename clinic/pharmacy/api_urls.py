"""The addresses of the pharmacy in the API, under `/api/v1/`."""

from django.urls import path

from clinic.pharmacy import api, stock_api

urlpatterns = [
    path("medicines/", api.Medicines.as_view()),
    path("prescriptions/", api.Prescriptions.as_view()),
    path("prescriptions/<uuid:prescription_id>/", api.OnePrescription.as_view()),
    path("prescription-lines/<uuid:line_id>/cancel/", api.CancelLine.as_view()),
    path("prescription-lines/<uuid:line_id>/end/", api.EndLine.as_view()),
    path("dispensings/", api.Dispensings.as_view()),
    path("dispensings/<uuid:dispensing_id>/", api.OneDispensing.as_view()),
    path("allergies/", api.Allergies.as_view()),
    path("allergies/<uuid:allergy_id>/refute/", api.RefuteAllergy.as_view()),
    path("stock/", stock_api.Stock.as_view()),
    path("stock/receipts/", stock_api.Receipts.as_view()),
    path("stock/adjustments/", stock_api.Adjustments.as_view()),
    path("stock/counts/", stock_api.Counts.as_view()),
    path("stock/movements/", stock_api.Movements.as_view()),
]
