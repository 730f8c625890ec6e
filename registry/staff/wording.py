"""Words about log-ins: a browser as people call it.

Not here: what central said of a log-in (`log_in_words.py`).
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

# Browsers name those before them as well, so the order matters.
BROWSERS: Final = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def browser_words(user_agent: str) -> str:
    """The first that fits."""
    known = (name for mark, name in BROWSERS if mark in user_agent)
    on = (name for mark, name in SYSTEMS if mark in user_agent)
    return _("%(browser)s on %(system)s") % {
        "browser": next(known, _("a browser")),
        "system": next(on, _("a device")),
    }
