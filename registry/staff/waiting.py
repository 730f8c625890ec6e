"""How long somebody has to wait after wrong guesses, in words.

Lives here: the sentence of the log-in page and of every other page that asks for a secret. Not here: how long
it is (`limits.py`).
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.staff.limits import TooManyGuesses


def wait_error(many: TooManyGuesses) -> ValidationError:
    """In the largest unit that is not longer than the wait."""
    if many.seconds < 60:
        long = ngettext("%(n)d second", "%(n)d seconds", many.seconds) % {"n": many.seconds}
    else:
        minutes = -(-many.seconds // 60)
        long = ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if many.locked:
        sentence = _("Too many wrong guesses. Wait %(long)s, or ask the coordinator to unlock.")
    else:
        sentence = _("Too many wrong guesses. Wait %(long)s, then try again.")
    return ValidationError(sentence % {"long": long}, code="too_many_login_attempts")
