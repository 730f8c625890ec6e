"""A backup that is put back takes no lock away, and brings no PIN and no log-in by PIN back."""

from __future__ import annotations

import pytest

from registry.staff.limits import TooManyGuesses, begin
from registry.staff.models import Account, Shift
from registry.staff.shifts import shifts_here
from sync.ledger.birth import take_new_identity
from sync.vault.backup import make_backup, put_back
from tests.registry.staff.at_the_tablet import PIN, Tablet
from tests.registry.test_between_nodes import laptop, world
from tests.world import Site, World

__all__ = ["laptop", "world"]


def test_a_restored_backup_forgets_no_lock_and_knows_no_shift(world: World, laptop: Site) -> None:
    """H4: the counters lie beside the database; who was shut out since the backup, it cannot know."""
    tablet = Tablet()
    with world.at(laptop):
        tablet.log_in("ana")
        assert tablet.choose_pin().status_code == 302
        shift = Shift.objects.get()
        backup = make_backup()
        for _ in range(5):
            begin("rosa", device="10.0.0.9")
        put_back(backup)
        take_new_identity()
        with pytest.raises(TooManyGuesses):
            begin("rosa", device="10.0.0.9")
        assert Shift.objects.filter(pk=shift.pk, ended_at=None).exists()
        assert shifts_here(shift.browser) == {}
        ana = Account.objects.get(username="ana")
        tablet.leave()
        answer = tablet.post(f"/switch/{ana.staff_id}/", {"pin": PIN})
        assert answer["Location"].startswith("/account/login/")
