"""The service worker's script: the module in `static/tablet/worker.js`, told what to keep and under which
name.

Lives here: the list of files that the pages without the laptop need. It changes its name with their
content, so that a tablet takes a new version at once. Not here: what the worker does
(`static/tablet/worker.js`).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.templatetags.static import static

SCRIPT: Final = "tablet/worker.js"
KEPT_FILES: Final = (
    "css/tokens.css",
    "css/base.css",
    "css/components.css",
    "css/pages.css",
    "css/posta.svg",
    "tablet/kept.js",
    "tablet/identity.js",
    "tablet/outbox.js",
    "tablet/seal.js",
    "tablet/store.js",
    "tablet/forms.js",
)


@lru_cache(maxsize=1)
def worker_script() -> str:
    """The whole text, made once per process."""
    code = _content(SCRIPT)
    digest = hashlib.sha256(code + settings.POSTA_VERSION.encode())
    for name in KEPT_FILES:
        digest.update(_content(name))
    told = {"cache": f"posta-{digest.hexdigest()[:16]}", "files": [static(name) for name in KEPT_FILES]}
    return f"self.posta = {json.dumps(told)};\n{code.decode()}"


def _content(name: str) -> bytes:
    found = find(name)
    if found is None:
        raise FileNotFoundError(name)
    return Path(str(found)).read_bytes()
