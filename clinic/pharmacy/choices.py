"""Forms, units and routes of medicines: their codes, and the words for them.

Not here: what units mean for a quantity (`doses.py`), the medicines (`models.py`).
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinic.pharmacy.doses import Unit


class Form(models.TextChoices):
    """What a medicine comes as."""

    TABLET = "tablet", _("Tablet")
    CAPSULE = "capsule", _("Capsule")
    SYRUP = "syrup", _("Syrup")
    SUSPENSION = "suspension", _("Suspension")
    SOLUTION = "solution", _("Solution")
    POWDER = "powder", _("Powder")
    INJECTION = "injection", _("Injection")
    INFUSION = "infusion", _("Infusion")
    CREAM = "cream", _("Cream")
    OINTMENT = "ointment", _("Ointment")
    DROPS = "drops", _("Drops")
    INHALER = "inhaler", _("Inhaler")
    SUPPOSITORY = "suppository", _("Suppository")
    IMPLANT = "implant", _("Implant")
    OTHER = "other", pgettext_lazy("form of a medicine", "Other")


class Counted(models.TextChoices):
    """What is counted, many of it."""

    TABLET = Unit.TABLET.value, _("tablets")
    CAPSULE = Unit.CAPSULE.value, _("capsules")
    SACHET = Unit.SACHET.value, _("sachets")
    ML = Unit.ML.value, _("ml")
    BOTTLE = Unit.BOTTLE.value, _("bottles")
    TUBE = Unit.TUBE.value, _("tubes")
    VIAL = Unit.VIAL.value, _("vials")
    AMPOULE = Unit.AMPOULE.value, _("ampoules")
    SUPPOSITORY = Unit.SUPPOSITORY.value, _("suppositories")
    INHALER = Unit.INHALER.value, _("inhalers")
    PIECE = Unit.PIECE.value, _("pieces")


class Route(models.TextChoices):
    """How a medicine gets into or onto a body."""

    ORAL = "oral", _("By mouth")
    SUBLINGUAL = "sublingual", _("Under the tongue")
    INHALED = "inhaled", _("Breathe in")
    TOPICAL = "topical", _("On the skin")
    EYE = "eye", _("Into the eye")
    EAR = "ear", _("Into the ear")
    NASAL = "nasal", _("Into the nose")
    RECTAL = "rectal", _("Into the rectum")
    VAGINAL = "vaginal", _("Into the vagina")
    INTRAMUSCULAR = "im", _("Into a muscle")
    INTRAVENOUS = "iv", _("Into a vein")
    SUBCUTANEOUS = "sc", _("Under the skin")
