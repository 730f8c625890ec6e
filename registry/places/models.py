"""Where people live and where they are cared for: areas, facilities, catchments.

Lives here: the programme's shared lists, owned by central and sent to every node. Not here: which patients a
node receives (`registry/people/selectors.py::reasons_to_hold`), stations within a facility (`clinic/visits`).
Read next: `selectors.py`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.records import Sync, SyncedModel


class Area(SyncedModel):
    """A place on the map of a programme: a country, a district, a village. `level` 1 is the root."""

    name = models.CharField(max_length=120)
    level = models.PositiveSmallIntegerField(default=1)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="children"
    )
    code = models.CharField(max_length=60, default="", blank=True, db_index=True)

    sync: ClassVar[Sync] = Sync(table="areas", group="registration", scope=None, owner="central")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Facility(SyncedModel):
    """A place of care: a health post, a hospital, a mobile team."""

    class Kind(models.TextChoices):
        POST = "post", _("Health post")
        CENTRE = "centre", _("Health centre")
        HOSPITAL = "hospital", _("Hospital")
        MOBILE = "mobile", _("Mobile team")
        OFFICE = "office", _("Programme office")

    name = models.CharField(max_length=120)
    code = models.CharField(max_length=60, default="", blank=True, db_index=True)
    area = models.ForeignKey(
        Area, on_delete=models.PROTECT, db_constraint=False, null=True, blank=True, related_name="facilities"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.POST)

    sync: ClassVar[Sync] = Sync(table="facilities", group="registration", scope=None, owner="central")

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name_plural = "facilities"

    def __str__(self) -> str:
        return self.name


class Catchment(SyncedModel):
    """One area whose people a facility serves; the areas inside it belong to it as well."""

    facility = models.ForeignKey(
        Facility, on_delete=models.PROTECT, db_constraint=False, related_name="catchments"
    )
    area = models.ForeignKey(Area, on_delete=models.PROTECT, db_constraint=False, related_name="catchments")

    sync: ClassVar[Sync] = Sync(table="catchments", group="registration", scope=None, owner="central")

    def __str__(self) -> str:
        return f"{self.facility_id} serves {self.area_id}"
