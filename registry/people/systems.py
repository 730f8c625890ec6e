"""What to call the kinds of number that people carry.

Lives here: `SYSTEMS`, the kinds that the pages offer, and `system_label`. Not here: what a number may look
like (`policy.py`). Other programs may use kinds of their own; those are shown as they are written.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM

SYSTEMS: Final = (
    ("national-id", gettext_lazy("Identity card")),
    ("passport", gettext_lazy("Passport")),
    ("birth-certificate", gettext_lazy("Birth certificate")),
    ("insurance-card", gettext_lazy("Insurance card")),
    (NUMBER_SYSTEM, gettext_lazy("Card of this programme")),
    ("other", gettext_lazy("Other")),
)


def system_label(system: str) -> str:
    """What to call a kind of number."""
    ours = {NUMBER_SYSTEM: _("Registration number"), PROVISIONAL_SYSTEM: _("Provisional code")}
    return ours.get(system) or str(dict(SYSTEMS).get(system, system))
