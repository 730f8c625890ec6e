"""What tests of log-ins share: the cast's clinic with its roster, and a browser that is used like a tablet.

Not here: the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client

from registry.staff import watch
from registry.staff.models import Credential, StaffMember
from registry.staff.services import install_roster, roster_for
from sync.node import Node
from sync.vault.keys import pepper
from tests.registry.conftest import PASSWORD, TODAY, Cast

PIN = "408213"


def become_clinic(cast: Cast, node: Node) -> None:
    """The roster that central makes for Bocas, and nothing of central's own."""
    node.role = "central"
    entries = roster_for([cast.bocas.pk], pepper())
    Credential.objects.all().delete()
    node.role = "clinic"
    install_roster(entries)
    watch.forget()


def later(node: Node, **passed: float) -> None:
    """The laptop's clock, so long after the morning of the cast."""
    at = int((TODAY + timedelta(**passed)).timestamp() * 1000)
    node.wall = lambda: at


@dataclass
class Tablet:
    """A browser. Every answer is kept in `last`."""

    client: Client = field(default_factory=Client)

    def get(self, address: str, **said: Any) -> Any:
        self.client.cookies["django_language"] = "en"  # whatever its people speak
        return self.client.get(address, secure=True, **said)

    def post(self, address: str, said: dict[str, Any] | None = None, **more: Any) -> Any:
        self.client.cookies["django_language"] = "en"  # whatever its people speak
        return self.client.post(address, said or {}, secure=True, **more)

    def log_in(self, username: str, password: str = PASSWORD) -> Any:
        return self.post("/account/login/", {"login": username, "password": password})

    def choose_pin(self, pin: str = PIN) -> Any:
        return self.post("/me/pin/", {"pin": pin, "again": pin})

    def leave(self, back_to: str = "") -> Any:
        return self.post("/switch/", {"back_to": back_to})

    def enter(self, member: StaffMember, pin: str = PIN) -> Any:
        return self.post(f"/switch/{member.pk}/", {"pin": pin})

    def who(self) -> str:
        """The user name on the page of one's own account; empty where nobody is logged in."""
        page = self.get("/me/")
        return str(page.context["staff"]["username"]) if page.status_code == 200 else ""


Give = Callable[[], Tablet]
