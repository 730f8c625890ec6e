"""Allergies and duplicates, by name and by the tree of the ATC."""

from __future__ import annotations

import pytest

from clinic.pharmacy.cautions import Substance, is_allergic, is_duplicate

AMOXICILLIN = Substance("Amoxicillin", "J01CA04")
CLAVULANIC = Substance("Amoxicillin + clavulanic acid", "J01CR02")
PENICILLIN_V = Substance("Phenoxymethylpenicillin", "J01CE02")
CEFTRIAXONE = Substance("Ceftriaxone", "J01DD04")
PARACETAMOL = Substance("Paracetamol", "N02BE01")
ASPIRIN = Substance("Acetylsalicylic acid", "B01AC06")
IBUPROFEN = Substance("Ibuprofen", "M01AE01")
METAMIZOLE = Substance("Metamizole", "N02BB02")


@pytest.mark.parametrize(
    ("medicine", "allergy", "warned"),
    [
        (AMOXICILLIN, Substance("Penicillins", "J01C"), True),
        (PENICILLIN_V, AMOXICILLIN, True),
        (CLAVULANIC, Substance("amoxicillin"), True),
        (CLAVULANIC, Substance("AMOXICILLÍN"), True),
        (CEFTRIAXONE, AMOXICILLIN, False),
        (CEFTRIAXONE, Substance("Cephalosporins", "J01DB"), True),
        (IBUPROFEN, ASPIRIN, True),
        (ASPIRIN, Substance("Ibuprofen and relatives", "M01A"), True),
        (PARACETAMOL, METAMIZOLE, False),
        (PARACETAMOL, Substance("Peanuts"), False),
        (AMOXICILLIN, Substance("Amox"), False),
        (Substance("Zinc"), Substance("zinc"), True),
    ],
)
def test_relatives_of_what_somebody_reacts_to_are_warned_of(
    medicine: Substance, allergy: Substance, warned: bool
) -> None:
    assert is_allergic(medicine, allergy) is warned


def test_the_same_treatment_is_one_subgroup_or_one_name() -> None:
    assert is_duplicate(AMOXICILLIN, Substance("Ampicillin", "J01CA01"))
    assert not is_duplicate(AMOXICILLIN, CLAVULANIC)
    assert is_duplicate(Substance("Zinc sulfate"), Substance("ZINC  SULFATE", "A12CB01"))
    assert not is_duplicate(PARACETAMOL, IBUPROFEN)
