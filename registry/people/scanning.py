"""Reading a card with the tablet's camera.

Lives here: the address that a page sends small grey pictures to, and their decoding by ZXing on the
laptop. Browsers that read codes themselves never ask. Nothing of a picture is kept. Not here: the camera
(`static/js/scan.js`), finding whom a code means (`search.py`).
See docs/adr/0021-the-laptop-reads-cards.md.
"""

from __future__ import annotations

from typing import Final

import zxingcpp
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from registry.people.views import seeing
from sync.problems import Problem

SMALLEST: Final = 16
LARGEST: Final = 800
KINDS: Final = (zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128)
LONGEST: Final = 200


@require_POST
@login_required
def scan(request: HttpRequest) -> HttpResponse:
    """The text of the code in a picture: one byte a pixel, row by row, as wide as the address says. Nothing
    where there is none.
    """
    seeing(request)
    try:
        width = int(request.GET.get("width", ""))
    except ValueError:
        width = 0
    text = text_in(request.body, width)
    return JsonResponse({"text": text}) if text else HttpResponse(status=204)


def text_in(grey: bytes, width: int) -> str:
    """What the code in a grey picture says; empty where it holds none."""
    height, rest = divmod(len(grey), width) if width > 0 else (0, 1)
    if rest or not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise Problem("not-a-picture", _("This is not a picture of a card."))
    picture = memoryview(grey).cast("B", shape=[height, width])
    found = zxingcpp.read_barcodes(picture, formats=KINDS)  # type: ignore[arg-type]  # its types lag: | is deprecated
    return next((one.text for one in found if one.valid and len(one.text) <= LONGEST), "")
