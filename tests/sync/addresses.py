"""The addresses of sync with the names that its pages link to, without the rooms above."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def nowhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("sync/v1/", include("sync.intake_urls")),
    path("api/v1/", include("sync.api_urls")),
    path("", include("sync.urls")),
    path("", nowhere, name="home"),
    path("switch/", nowhere, name="switch"),
    path("account/", include("allauth.account.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
