"""A node with hardly any doors."""

from django.urls import path

from tests.deploy.addresses import nowhere

urlpatterns = [path("", nowhere, name="home")]
