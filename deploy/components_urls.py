"""The address of the page of components."""

from __future__ import annotations

from django.urls import path

from deploy.components import components

urlpatterns = [path("_components/", components, name="components")]
