"""Addresses with the names that templates use, so that pages can be drawn without the rooms behind them.

Not here: the real addresses (`deploy/urls.py`); `test_pages.py` holds the two lists together.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from deploy.components_urls import urlpatterns as components


def nowhere(request: HttpRequest, **_: object) -> HttpResponse:
    return HttpResponse()


NAMES = (
    "home find scan cards register register-villages register-likely queue board "
    "board-live clinic-day station me sync-status sync-now sync-progress sync-status-badge review "
    "central-nodes central-enroll kept draft-discard guide attachment-pick "
    "tablets tablets-add tablet-join blocked "
    "switch my-pin full-login my-sessions-end team team-add staff-list staff-requests "
    "laptop-check laptop-close laptop-slip laptop-off"
).split()
WITH_ID = (
    "patient patient-reason patient-history patient-edit patient-family patient-unlink patient-card "
    "patient-label switch-person "
    "enroll visit-open visit visit-claim visit-move visit-send visit-close "
    "central-node central-revoke central-recovery tablet-revoke tablet-looked-into tablets-offer "
    "staff-member review-conflict review-quarantine review-release review-reject "
    "guide-page attachment attachment-small"
).split()

urlpatterns = [
    *(path("" if name == "home" else f"{name}/", nowhere, name=name) for name in NAMES),
    *(path(f"{name}/<str:id>/", nowhere, name=name) for name in WITH_ID),
    path("team/<str:id>/<str:act>/", nowhere, name="team-act"),
    path("staff/requests/<str:id>/<str:act>/", nowhere, name="staff-decide"),
    path("visit-stage/<str:visit>/<str:stage>/", nowhere, name="visit-stage"),
    path("account/", include("allauth.account.urls")),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    *components,
]
