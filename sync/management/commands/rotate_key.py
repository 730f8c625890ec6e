"""`manage.py rotate_key`: this laptop gets a new key, and central drops the old one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result
from sync.rotation import rotate


class Command(NodeCommand):
    help = "Give this laptop a new key; the old one opens nothing at central any more."

    def answer(self, options: dict[str, Any]) -> Result:
        key_id = rotate()
        return Result(
            {"key_id": key_id},
            [
                _("This laptop has a new key: %(key)s.") % {"key": key_id},
                _("Central refuses the old one from now on."),
            ],
        )
