"""Who opened whose record, and why.

Lives here: `Opening`, the synced log that is only ever added to, and `Elsewhere`, this node's own note of
whom a search showed to whom and what reason was given. Who opened and on which device is what every synced
row carries (`made_by`, `made_on`), when is its stamp. Not here: what may be opened (`policy.py`), writing
(`services.py`). Read next: `docs/adr/0028-access-log.md`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from registry.access.policy import LONGEST_NOTE
from registry.access.policy import Reason as ReasonCode
from registry.access.policy import What as WhatCode
from sync.ledger.selectors import instant
from sync.records import Sync, SyncedModel


class Reason(models.TextChoices):
    """The short list of reasons, in words."""

    EMERGENCY = ReasonCode.EMERGENCY.value, _("Emergency")
    REFERRED = ReasonCode.REFERRED.value, _("Referred here")
    MOVED = ReasonCode.MOVED.value, _("Moved here")
    OTHER = ReasonCode.OTHER.value, pgettext_lazy("reason", "Another reason")


class Opening(SyncedModel):
    """That one person looked at one record, or had a list leave the node. `facility` is where they work;
    `reason` stands where the patient belongs to another place. `patient` is no foreign key: a look at a
    record that central sets aside is still a look. `happened_at` is set where it was written down later.
    """

    class What(models.TextChoices):
        RECORD = WhatCode.RECORD.value, _("Record")
        HISTORY = WhatCode.HISTORY.value, _("History")
        FILE = WhatCode.FILE.value, _("Photo or file")
        PRINT = WhatCode.PRINT.value, _("Print")
        LIST = WhatCode.LIST.value, _("List")

    patient = models.UUIDField(null=True)
    facility = models.ForeignKey(
        "places.Facility",
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    what = models.CharField(max_length=10, choices=What.choices, default=What.RECORD)
    reason = models.CharField(max_length=10, choices=Reason.choices, default="", blank=True)
    note = models.CharField(max_length=LONGEST_NOTE, default="", blank=True)
    happened_at = models.DateTimeField(null=True)

    sync: ClassVar[Sync] = Sync(
        table="openings",
        group="access",
        scope="facility_id",
        place="facility",
        append_only=True,
        rules=dict.fromkeys(("patient", "facility", "what", "reason", "note", "happened_at"), "fixed"),
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["patient", "made_stamp"], name="openings_of_patient"),
            models.Index(fields=["made_by", "made_stamp"], name="openings_by_person"),
            models.Index(fields=["facility", "made_stamp"], name="openings_at_place"),
            models.Index(fields=["made_stamp"], name="openings_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.patient}"

    @property
    def at(self) -> datetime:
        """When the record was opened."""
        return self.happened_at or instant(self.made_stamp, self.made_offset)


class Elsewhere(models.Model):
    """That a search showed somebody a person of another place, and the reason they gave, if they gave one."""

    local_only: ClassVar[bool] = True
    staff_id = models.UUIDField()
    patient_id = models.UUIDField()
    met_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=10, default="")
    note = models.CharField(max_length=LONGEST_NOTE, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["staff_id", "patient_id"], name="access_met_once")
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} for {self.staff_id}"
