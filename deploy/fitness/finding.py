"""What one look found.

Lives here: `Finding` and its three states. Not here: the looks themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class State(StrEnum):
    """The words that programs read; `WORDS` are those for people."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


WORDS: Final[dict[State, Text]] = {
    State.OK: _("ok"),
    State.WARNING: _("attention"),
    State.BROKEN: _("bad"),
}
LABELS: Final[dict[str, Text]] = {
    "configuration": _("Settings"),
    "disk": _("Disk"),
    "clock": _("Clock"),
    "certificates": _("Certificates"),
    "keys": _("Keys"),
    "passphrase": _("Passphrase"),
    "database": _("Database"),
    "log": _("Log"),
    "backups": _("Backups"),
    "link": _("Link to central"),
    "backlog": _("What waits"),
    "numbers": _("Registration numbers"),
    "tablets": _("Tablets"),
    "recovery": _("Recovery key"),
    "broker": _("Broker"),
    "worker": _("Worker"),
    "clinics": _("Clinics"),
}
BADGES: Final = {State.OK: "done", State.WARNING: "needs-you", State.BROKEN: "danger"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, in a sentence, and what to do where something is."""

    name: str
    state: State
    sentence: Text
    todo: Text = ""

    @property
    def label(self) -> Text:
        return LABELS[self.name]

    @property
    def word(self) -> Text:
        return WORDS[self.state]

    @property
    def badge(self) -> str:
        """The state as pages colour it."""
        return BADGES[self.state]

    def plain(self) -> dict[str, str]:
        return {
            "name": self.name,
            "state": self.state.value,
            "sentence": str(self.sentence),
            "todo": str(self.todo),
        }


def fine(name: str, sentence: Text) -> Finding:
    return Finding(name, State.OK, sentence)


def attention(name: str, sentence: Text, todo: Text) -> Finding:
    return Finding(name, State.WARNING, sentence, todo)


def bad(name: str, sentence: Text, todo: Text) -> Finding:
    return Finding(name, State.BROKEN, sentence, todo)
