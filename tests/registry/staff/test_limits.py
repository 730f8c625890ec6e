"""Guessing is slow, and stays so through restarts and restored backups. Nobody shuts others out with it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django import Settings

from registry.staff import limits
from registry.staff.limits import LOCKED_S, TooManyGuesses, begin, locked, succeeded, unlock, wait_after
from sync.models import SecurityEvent
from sync.node import Node, acting_as
from sync.vault.keys import pepper
from tests.registry.conftest import Cast, browser
from tests.registry.staff.at_the_tablet import Tablet, later


def guess(name: str, times: int, *, device: str = "", browser: str = "") -> int:
    """How many of these guesses are looked at at all."""
    looked_at = 0
    for _ in range(times):
        try:
            begin(name, device=device, browser=browser)
            looked_at += 1
        except TooManyGuesses:
            pass
    return looked_at


def test_how_long_one_waits() -> None:
    assert [wait_after(n) for n in range(11)] == [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 1800]
    assert wait_after(200) == LOCKED_S
    assert [wait_after(n, 20, None) for n in (19, 20, 21, 25, 26, 999)] == [0, 30, 60, 900, 900, 900]


def test_five_are_free_and_then_every_one_has_to_be_waited_for(node: Node) -> None:
    assert guess("rosa", 30) == 5
    passed = 0
    for wait in (30, 60, 120, 240, 480, 1800, 1800):
        later(node, seconds=passed + wait - 1)
        assert guess("rosa", 3) == 0
        passed += wait
        later(node, seconds=passed)
        assert guess("rosa", 3) == 1


def test_ten_thousand_guesses_over_thirty_connections(node: Node) -> None:
    """H4: five are looked at, whoever asks at the same moment; a new process knows it as well."""

    pepper()  # made when a node is set up

    def one(_: int) -> int:
        with acting_as(node):
            return guess("rosa", 1, device="10.0.0.9")

    with ThreadPoolExecutor(30) as connections:
        assert sum(connections.map(one, range(10_000))) == 5
    program = (
        "import sqlite3, sys; rows = sqlite3.connect(sys.argv[1]).execute("
        "'SELECT failures FROM guesses WHERE name != \"\"').fetchall(); print(rows)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(node.path("guesses.db"))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[(5,)]"


def test_a_process_that_dies_in_between_gives_no_guess_back(node: Node) -> None:
    for _ in range(5):
        begin("rosa", device="")  # and nobody ever says how it went
    with pytest.raises(TooManyGuesses):
        begin("rosa", device="")


def test_the_right_password_starts_anew(node: Node) -> None:
    for _ in range(4):
        assert guess("rosa", 4) == 4
        succeeded(begin("rosa", device=""))


def test_one_password_that_is_known_does_not_help_to_guess_others(node: Node) -> None:
    looked_at = 0
    for number in range(60):
        looked_at += guess(f"somebody {number}", 1, device="10.0.0.9")
        try:
            succeeded(begin("mine", device="10.0.0.9"))
        except TooManyGuesses:
            break
    assert looked_at == limits.FREE_ON_A_DEVICE


def test_guesses_elsewhere_do_not_shut_the_owner_out(node: Node) -> None:
    guess("rosa", 50, device="10.0.0.9")
    assert guess("rosa", 1, device="10.0.0.7") == 0
    assert guess("rosa", 9, browser="her own tablet") == 5
    assert guess("ana", 1, device="10.0.0.7") == 1


def test_a_supervisor_unlocks(node: Node) -> None:
    for turn in range(6):
        later(node, minutes=10 * turn)
        guess("rosa", 30)
    guess("rosa", 9, browser="her own tablet")
    assert locked(["rosa", "ana"]) == {"rosa"}
    assert unlock("rosa")
    assert not unlock("rosa")
    assert locked(["rosa", "ana"]) == set()
    assert guess("rosa", 9) == 5


def test_a_day_later_nothing_is_left(node: Node) -> None:
    guess("rosa", 9)
    later(node, hours=25)
    assert guess("rosa", 9) == 5


def test_a_clock_that_was_ahead_locks_nobody_out_for_a_year(node: Node) -> None:
    later(node, days=365)
    guess("rosa", 9)
    later(node, days=0)
    assert guess("rosa", 1) == 1


def test_the_file_names_nobody(node: Node) -> None:
    guess("calabash lantern 7", 6)  # a password that somebody typed as the name
    content = b"".join(path.read_bytes() for path in node.data_dir.glob("guesses*"))
    assert b"calabash" not in content
    assert node.path("guesses.db").stat().st_mode & 0o077 == 0


def test_a_damaged_file_shuts_nobody_out_and_is_told(node: Node) -> None:
    guess("rosa", 6)
    node.path("guesses.db").write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    assert guess("rosa", 1) == 1
    assert SecurityEvent.objects.get().code == "guesses-damaged"
    assert node.path("guesses.damaged").exists()


def test_the_page_says_how_long(clinic: Node) -> None:
    tablet = Tablet()
    said = [str(tablet.log_in("rosa", f"wrong {n}").context["form"].non_field_errors()) for n in range(6)]
    assert "Wait 30 seconds" in said[-1]
    unknown = [
        str(Tablet().log_in("nobody", f"wrong {n}").context["form"].non_field_errors()) for n in range(6)
    ]
    assert unknown == said
    assert "Wait 30 seconds" in str(tablet.log_in("rosa").context["form"].non_field_errors())
    later(clinic, seconds=31)
    assert tablet.log_in("rosa").status_code == 302


def test_the_tablet_where_she_logged_in_before_lets_her_in(clinic: Node, settings: Settings) -> None:
    hers = Tablet()
    hers.log_in("rosa")
    hers.post("/account/logout/")
    for number in range(12):
        Tablet().log_in("rosa", f"wrong {number}")
    assert "Too many" in Tablet().log_in("rosa").content.decode()
    assert hers.log_in("rosa").status_code == 302


def test_many_people_log_in_from_one_address(clinic: Node) -> None:
    for _ in range(15):
        for name in ("rosa", "ana"):
            assert Tablet().log_in(name).status_code == 302


def test_a_coordinator_unlocks_and_ends_log_ins(clinic: Node, cast: Cast) -> None:
    from registry.staff.models import Account, StaffRole
    from sync.ledger.recording import recording
    from tests.registry.conftest import THE_NODE

    clinic.role = "central"
    with recording(by=THE_NODE) as save:
        save.add(StaffRole, staff=cast.ana, role="coordinator", facility=cast.bocas)
    clinic.role = "clinic"
    hers = Tablet()
    hers.log_in("rosa")
    for number in range(7):
        Tablet().log_in("rosa", f"wrong {number}")
    coordinator = Tablet(browser(cast.ana))
    page = coordinator.get("/team/")
    first = page.context["team"][0]
    assert (first.name, first.locked, len(first.log_ins)) == ("Rosa Pineda", True, 1)
    coordinator.post(f"/team/{cast.rosa.pk}/unlock/")
    assert Tablet().log_in("rosa").status_code == 302
    coordinator.post(f"/team/{cast.rosa.pk}/end/")
    assert hers.who() == ""
    assert set(SecurityEvent.objects.values_list("code", flat=True)) == {"log-in-unlocked", "log-ins-ended"}
    coordinator.post(f"/team/{cast.ana.pk}/end/")  # not oneself by mistake
    assert coordinator.who() == "ana"
    assert Account.objects.get(staff_id=cast.rosa.pk).is_active


def test_the_team_is_for_its_coordinator(clinic: Node, cast: Cast) -> None:
    tablet = Tablet(browser(cast.rosa))
    assert tablet.get("/team/").status_code == 403
    assert tablet.post(f"/team/{cast.ana.pk}/end/").status_code == 403


def test_people_end_their_own_log_ins(clinic: Node, cast: Cast) -> None:
    here, there, elsewhere = Tablet(), Tablet(), Tablet()
    for tablet in (here, there, elsewhere):
        tablet.log_in("rosa")
    shown = here.get("/me/").context
    assert (len(shown["sessions"]), shown["others"]) == (3, 2)
    colleague = Tablet()
    colleague.log_in("ana")
    theirs = colleague.get("/me/").context["sessions"][0].id
    here.post("/me/sessions/end/", {"session": theirs})
    assert colleague.who() == "ana"
    one = next(one.id for one in shown["sessions"] if not one.this)
    here.post("/me/sessions/end/", {"session": one})
    assert [there.who(), elsewhere.who()].count("rosa") == 1
    here.post("/me/sessions/end/")
    assert (here.who(), there.who(), elsewhere.who()) == ("rosa", "", "")
    there.log_in("rosa")
    there.choose_pin()
    here.post("/account/sessions/")
    assert (here.who(), there.who()) == ("rosa", "")
    assert there.enter(cast.rosa)["Location"].startswith("/account/login/")  # the PIN is over as well
