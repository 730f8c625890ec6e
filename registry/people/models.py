"""A person who comes for care, every number they carry, and who belongs to whom.

Lives here: `Patient`, `Identifier`, `Relation` and `HouseholdMember`, the synced records, and
`PersonToken`, this database's own index for search. Not here: what may be said (`policy.py`), writing
(`services.py`), how names are compared (`spelling.py`).
Read next: `services.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.people.policy import LONGEST_IDENTIFIER, LONGEST_NAME, check_own_code
from sync.core.merge import Value
from sync.records import Sync, SyncedModel


def _follow_patients(rows: list[Patient]) -> None:
    from registry.people.tokens import follow_patients

    follow_patients(rows)


def _follow_identifiers(rows: list[Identifier]) -> None:
    from registry.people.tokens import follow_identifiers

    follow_identifiers(row.patient_id for row in rows)


def _check_arrival(fields: Mapping[str, Value]) -> None:
    """Central's look at an identifier from elsewhere: a code of ours with a wrong check digit is nobody's."""
    with answering():
        check_own_code(str(fields.get("system", "")), str(fields.get("value", "")))


class Patient(SyncedModel):
    """A person. What belongs to the day of registration is fixed; what two people may see differently is
    asked.
    """

    class Sex(models.TextChoices):
        FEMALE = "female", _("Female")
        MALE = "male", _("Male")
        OTHER = "other", _("Other")
        UNKNOWN = "unknown", _("Not known")

    given_name = models.CharField(_("Given name"), max_length=LONGEST_NAME, default="", blank=True)
    family_name = models.CharField(_("Family name"), max_length=LONGEST_NAME, default="", blank=True)
    sex = models.CharField(_("Sex"), max_length=10, choices=Sex.choices, default="unknown")
    birth_date = models.DateField(_("Birth date"), null=True, blank=True)
    birth_date_estimated = models.BooleanField(_("Birth date is an estimate"), default=False)
    phone = models.CharField(_("Phone"), max_length=40, default="", blank=True)
    village = models.ForeignKey(
        "places.Area",
        verbose_name=_("Village"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    deceased = models.BooleanField(_("Deceased"), default=False)
    registered_at = models.ForeignKey(
        "places.Facility",
        verbose_name=_("Registered at"),
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        related_name="+",
    )
    registered_on = models.DateTimeField(_("Registered on"))

    sync: ClassVar[Sync] = Sync(
        table="patients",
        group="registration",
        scope="id",
        rules={
            "sex": "ask",
            "birth_date": "ask",
            "birth_date_estimated": "ask",
            "deceased": "ask",
            "registered_at": "fixed",
            "registered_on": "fixed",
        },
        on_apply=_follow_patients,
    )

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def name(self) -> str:
        """Both names as people say them; whoever has one name has one."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


class Identifier(SyncedModel):
    """One number somebody carries: `posta:number`, `posta:provisional`, a passport, an insurance card."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, db_constraint=False, related_name="identifiers"
    )
    system = models.CharField(_("Kind of number"), max_length=60)
    value = models.CharField(_("Number"), max_length=LONGEST_IDENTIFIER)
    label = models.CharField(_("Label"), max_length=60, default="", blank=True)

    sync: ClassVar[Sync] = Sync(
        table="identifiers",
        group="identifiers",
        scope="patient_id",
        rules={"patient": "fixed", "system": "fixed", "value": "fixed"},
        on_apply=_follow_identifiers,
        check=_check_arrival,
    )

    def __str__(self) -> str:
        return f"{self.system} of {self.patient_id}"


class Relation(SyncedModel):
    """What another person is to a patient. Each tie is two of these, one in each person's own scope: the
    child's says "my mother is", the mother's says "my child is". A clinic that holds only one of the two
    has their half.
    See docs/adr/0018-two-people-one-tie.md.
    """

    class Kind(models.TextChoices):
        MOTHER = "mother", _("Mother")
        CHILD = "child", _("Child")
        GUARDIAN = "guardian", _("Guardian")
        WARD = "ward", _("In their care")
        SPOUSE = "spouse", _("Husband or wife")

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, db_constraint=False, related_name="relations"
    )
    other = models.ForeignKey(Patient, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    kind = models.CharField(_("What they are to each other"), max_length=10, choices=Kind.choices)

    sync: ClassVar[Sync] = Sync(
        table="relations",
        group="registration",
        scope="patient_id",
        rules=dict.fromkeys(("patient", "other", "kind"), "fixed"),
    )

    def __str__(self) -> str:
        return f"{self.kind} of {self.patient_id}"


class HouseholdMember(SyncedModel):
    """That a person lives in a household. A household is nothing but its members: whoever carries the same
    id.
    """

    class Role(models.TextChoices):
        HEAD = "head", _("Head of the household")
        PARTNER = "partner", _("Partner")
        CHILD = "child", _("Child")
        PARENT = "parent", _("Parent")
        OTHER = "other", _("Other member")

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, db_constraint=False, related_name="memberships"
    )
    household = models.UUIDField(_("Household"), db_index=True)
    role = models.CharField(
        _("Role in the household"), max_length=10, choices=Role.choices, default=Role.OTHER
    )

    sync: ClassVar[Sync] = Sync(
        table="household_members",
        group="registration",
        scope="patient_id",
        rules={"patient": "fixed", "household": "fixed"},
    )

    def __str__(self) -> str:
        return f"{self.role} in {self.household}"


class PersonToken(models.Model):
    """One thing that finds a patient: see `tokens.py`. Rebuilt when patient or identifier change, from
    wherever.
    """

    local_only: ClassVar[bool] = True
    pk = models.CompositePrimaryKey("token", "patient_id")
    token = models.CharField(max_length=120)
    patient_id = models.UUIDField(db_index=True)

    def __str__(self) -> str:
        return f"{self.token[:1]} of {self.patient_id}"
