"""Every address of a node: pages, the API under `/api/v1/`, node to node under `/sync/v1/`.

Not here: what an address does (each room's `urls.py` and `api_urls.py`).
"""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

Addresses = list[URLPattern | URLResolver]

pages: Addresses = [
    path("", include("registry.staff.urls")),  # before allauth: the log-in page is the room's
    path("account/", include("allauth.account.urls")),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("registry.people.urls")),
    path("", include("registry.attachments.urls")),
    path("", include("registry.access.urls")),
    path("", include("clinic.pharmacy.urls")),
    path("", include("clinic.programs.urls")),
    path("", include("clinic.exchange.dhis2.urls")),
    path("", include("clinic.forms.urls")),
    path("", include("clinic.visits.urls")),
    path("", include("clinic.board.urls")),
    path("", include("clinic.live.urls")),
    path("", include("registry.tablets.urls")),
    path("", include("clinic.tablet.urls")),
    path("", include("clinic.lab.urls")),
    path("", include("clinic.referrals.urls")),
    path("", include("clinic.reports.urls")),
    path("", include("sync.urls")),
    path("", include("deploy.recovery_pages")),
    path("", include("deploy.laptop_pages")),
    path("", include("deploy.guide")),
    path("", include("deploy.components_urls")),
]

api: Addresses = [
    path("", include("registry.people.api_urls")),
    path("", include("registry.attachments.api_urls")),
    path("", include("registry.access.api_urls")),
    path("", include("clinic.pharmacy.api_urls")),
    path("", include("clinic.visits.api_urls")),
    path("", include("clinic.board.api_urls")),
    path("", include("clinic.live.api_urls")),
    path("", include("clinic.lab.api_urls")),
    path("", include("clinic.referrals.api_urls")),
    path("", include("clinic.reports.api_urls")),
    path("", include("sync.api_urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
]

handler400 = "deploy.errors.bad_request"
handler404 = "deploy.errors.not_found"
handler500 = "deploy.errors.server_error"

urlpatterns: Addresses = [
    path("api/v1/", include(api)),
    path("sync/v1/", include("sync.intake_urls")),
    *pages,
]
