"""The addresses of the laboratory in the API, under `/api/v1/`."""

from django.urls import path

from clinic.lab import api

urlpatterns = [
    path("lab/orders/", api.Orders.as_view()),
    path("lab/orders/<uuid:order_id>/result/", api.Result.as_view()),
    path("lab/orders/<uuid:order_id>/cancel/", api.Step.as_view(deed="cancel")),
    path("lab/orders/<uuid:order_id>/seen/", api.Step.as_view(deed="seen")),
    path("lab/results/<uuid:result_id>/", api.OneResult.as_view()),
]
