"""Why something of a program is off, in words.

Lives here: `fault_words`. Not here: finding out (`rules.py`).
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from clinic.programs.rules import RuleFault

_REASONS: Final = {
    "not-an-expression": gettext_noop("The condition cannot be read here: “%(about)s”."),
    "unknown-function": gettext_noop("There is no function %(about)s."),
    "not-here": gettext_noop("%(about)s cannot be answered at a clinic."),
    "wrong-arguments": gettext_noop("%(about)s has too many or too few parts."),
    "not-a-pattern": gettext_noop("“%(about)s” is not a pattern."),
    "unknown-variable": gettext_noop("There is no variable %(about)s."),
    "unknown-question": gettext_noop("The program does not ask %(about)s."),
    "unknown-stage": gettext_noop("The program has no stage %(about)s."),
    "unknown-section": gettext_noop("The program has no section %(about)s."),
    "unknown-option": gettext_noop("There is no answer %(about)s."),
    "unknown-group": gettext_noop("There is no group of answers %(about)s."),
    "not-followed": gettext_noop("%(about)s is not followed here."),
    "unknown-action": gettext_noop("The action %(about)s is unknown."),
    "unknown-source": gettext_noop("The source %(about)s is unknown."),
}
_OTHER: Final = gettext_noop("It cannot be used: %(about)s.")
_PARTS: Final = {
    "condition": gettext_noop("The rule is off. %(reason)s"),
    "action": gettext_noop("One action of the rule is off. %(reason)s"),
    "variable": gettext_noop("The variable is off. %(reason)s"),
}


def fault_words(fault: RuleFault) -> str:
    """One fault as sentences."""
    reason = _(_REASONS.get(fault.code, _OTHER)) % {"about": fault.about}
    return _(_PARTS[fault.part]) % {"reason": reason}
