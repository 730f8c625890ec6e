"""The addresses that nodes use between themselves, under `/sync/v1/`."""

from django.urls import path

from sync.node_views import door

urlpatterns = [path("<slug:name>", door, name="node-door")]
