"""The commands: text for people, JSON for programs, exit code 0 only if it holds."""

from __future__ import annotations

import json
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command

from registry.people.models import Patient
from sync.commanding import as_json_text
from sync.ledger.models import Replica
from sync.ledger.recording import recording
from sync.models import SyncRun
from sync.review.models import Aside
from tests.sync.commands import answer, register, run
from tests.world import Link, World

# --- sync, sync_status -----------------------------------------------------------------------------------


def test_sync_makes_one_run_and_says_what_it_did(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 2)
        told = answer("sync")
        assert (told["outcome"], told["sent"], told["digests"], told["reason"]) == ("done", 2, "equal", "")
        code, out, _err = run("sync")
        assert code == 0
        assert "Sent 0 changes" in out


def test_sync_upload_only_fetches_nothing(world: World) -> None:
    with world.at(world.central):
        register(world, world.central)
    here = world.clinics[0]
    with world.at(here):
        register(world, here)
        told = answer("sync", "--upload-only")
        assert (told["sent"], told["fetched"]) == (1, 0)
        assert Patient.objects.count() == 1


def test_sync_that_breaks_off_exits_1_with_its_reason(world: World) -> None:
    here = world.clinics[0]
    assert here.link is not None
    here.link.up = False
    with world.at(here):
        code, out, _err = run("sync", "--json")
        assert (code, json.loads(out)["outcome"]) == (1, "failed")
        code, out, _err = run("sync")
        assert code == 1
        assert out.startswith("Broken off: ")


def test_sync_beside_another_run_says_so(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        now = here.node.wall()
        SyncRun.objects.create(trigger="test", started_at=now, lease_until=now + 60_000)
        code, out, err = run("sync", "--json")
        assert (code, json.loads(out)["code"]) == (1, "busy")
        assert err.strip() == "Another run is on its way; it does the same."


def test_central_does_not_sync(world: World) -> None:
    with world.at(world.central):
        code, out, err = run("sync")
        assert (code, out) == (1, "")
        assert len(err.strip().splitlines()) == 1


def test_sync_watch_goes_on_after_a_failure(world: World) -> None:
    here = world.clinics[0]
    assert here.link is not None
    here.link.up = False
    with world.at(here):
        register(world, here)

        class Impatient(StringIO):
            """Time passes, and the link comes back, while nobody looks."""

            def write(self, text: str) -> int:
                world.advance(300_000)
                here.link.up = True  # type: ignore[union-attr]
                return super().write(text)

        out = Impatient()
        call_command("sync", "--watch", "--every", "0", "--runs", "3", "--json", stdout=out)
    outcomes = [json.loads(line)["outcome"] for line in out.getvalue().splitlines()]
    assert outcomes == ["failed", "done", "done"]


def test_watching_ends_with_a_word_and_a_busy_moment_does_not_end_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world.clinics[0]
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        world.advance(61_000)
        if len(naps) == 1:
            now = here.node.wall()
            SyncRun.objects.create(trigger="other", started_at=now, lease_until=now + 60_000)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sync.management.commands.sync.time.sleep", nap)
    with world.at(here):
        code, out, err = run("sync", "--watch", "--every", "7")
    assert (code, naps) == (0, [7.0, 7.0, 7.0])
    assert out.count("Sent 0 changes") == 2
    assert out.endswith("Stopped. Everything is safe.\n")
    assert err.strip() == "Another run is on its way; it does the same."


def test_what_has_no_json_form_is_a_fault_and_not_a_guess() -> None:
    with pytest.raises(TypeError):
        as_json_text({"what": object()})


def test_sync_status_is_the_status(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here)
        told = answer("sync_status")
        assert (told["unsent"], told["unsent_by_group"]["registration"], told["up_to_date"]) == (1, 1, False)
        code, out, _err = run("sync_status")
        assert code == 0
        assert "Unsent: 1 of 1 changes" in out
        assert out.rstrip().endswith("Not up to date.")
    world.sync(here)
    with world.at(here):
        assert run("sync_status")[1].rstrip().endswith("\nUp to date.")


# --- sync_digest -----------------------------------------------------------------------------------------


def test_digests_are_equal_exactly_where_the_data_is(world: World) -> None:
    here, other = world.clinics
    with world.at(here):
        ana, _eva = register(world, here, 2)
    world.sync()
    told = []
    for site in (world.central, here, other):
        with world.at(site):
            told.append(answer("sync_digest"))
    assert told[0] == told[1] == told[2]
    with world.at(here):
        assert answer("sync_digest", "--table", "patients")["tables"] == {
            "patients": told[0]["tables"]["patients"]
        }
        scoped = answer("sync_digest", "--scope", str(ana.pk))
        assert "areas" not in scoped["tables"]
        assert scoped["tables"]["patients"] != told[0]["tables"]["patients"]
        with recording(by=world.author(here)) as save:
            save.edit(ana, {"phone": "1"})
        changed = answer("sync_digest")
    assert changed["digest"] != told[0]["digest"]
    with world.at(other):
        assert answer("sync_digest", "--scope", str(ana.pk)) == scoped


@pytest.mark.parametrize(
    ("args", "code"), [(("--table", "nothing"), "unknown-table"), (("--scope", "x"), "bad-scope")]
)
def test_a_digest_of_nothing_is_refused(world: World, args: tuple[str, str], code: str) -> None:
    with world.at(world.clinics[0]):
        ended, out, _err = run("sync_digest", *args, "--json")
    assert (ended, json.loads(out)["code"]) == (1, code)


# --- node_info, join, enroll_node ------------------------------------------------------------------------


def test_node_info_tells_who_this_is(world: World) -> None:
    with world.at(world.clinics[0]):
        told = answer("node_info")
        assert (told["role"], told["name"], told["joined"]) == ("clinic", "clinic 1", True)
        assert told["central"] == "https://central.example"
    with world.at(world.central):
        told = answer("node_info")
        assert (told["role"], told["nodes"]) == ("central", 2)
        assert "timeline" in run("node_info")[1]


def test_a_laptop_joins_by_command(world: World) -> None:
    with world.at(world.central):
        told = answer("enroll_node", "Colón", "--mode", "everything")
        assert (told["name"], told["mode"]) == ("Colón", "everything")
        assert answer("enroll_node", "Colón")["mode"] == "everything", "offered again, as it was"
        told = answer("enroll_node", "Colón", "--mode", "subscribed")
        assert told["valid_until"].startswith("20")
    clinic = world._site("new", "clinic")
    clinic.node.kept["carrier"] = Link(world, clinic)
    with world.at(clinic):
        assert answer("node_info")["joined"] is False
        code, out, _err = run("join", "central.example", told["code"])
        assert (code, out.strip()) == (0, "This laptop is now Colón, of https://central.example.")
        code, out, err = run("join", "central.example", told["code"], "--json")
        assert (code, json.loads(out)["code"]) == (1, "already-joined")
        assert "Colón" in err
    clinic.connection.close()


def test_enroll_node_knows_facilities_by_their_code(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from sync import enrolment

    monkeypatch.setattr(
        enrolment, "_facilities", [lambda: [("id-1", "BOC", "Bocas"), ("id-2", "DAR", "Darién")]]
    )
    with world.at(world.central):
        told = answer("enroll_node", "Bocas", "--facility", "BOC", "--facility", "dar")
        assert told["facilities"] == ["id-1", "id-2"]
        code, out, _err = run("enroll_node", "Other", "--facility", "XYZ", "--json")
        assert (code, json.loads(out)["code"]) == (1, "unknown-facility")
        code, out, _err = run("enroll_node", "Other")
        assert code == 0
        assert len(out.splitlines()[0]) == 19
        assert "Those of its own area" in out, "unsaid, it is the careful one, and that is told"


def test_a_database_that_is_not_the_marks_own_answers_nothing_but_restore(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        here.node.marks.raise_to(head_seq=40)
        for command in ("sync", "sync_status", "verify_log", "conflicts"):
            code, out, err = run(command)
            assert (code, out) == (1, "")
            assert "restore" in err


# --- conflicts, quarantine -------------------------------------------------------------------------------


def test_conflicts_name_who_wrote_what(world: World) -> None:
    here, other = world.clinics
    with world.at(here):
        (patient,) = register(world, here)
    world.sync()
    for site, sex in ((here, "male"), (other, "other")):
        with world.at(site), recording(by=world.author(site)) as save:
            save.edit(Patient.objects.get(pk=patient.pk), {"sex": sex})
    world.sync(rounds=2)
    with world.at(here):
        (told,) = answer("conflicts")
        assert (told["table"], told["field"], told["label"]) == ("patients", "sex", "Sex")
        assert {one["value"] for one in told["values"]} == {"male", "other"}
        assert {one["node"] for one in told["values"]} == {"clinic 1", "clinic 2"}
        code, out, _err = run("conflicts")
        assert code == 0
        assert "Male" in out
        assert "tablet at clinic 2" in out


def test_quarantine_tells_what_is_aside_and_why(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here)
        mine = Replica.objects.get(is_self=True)
        Aside.objects.create(
            replica_uuid=mine.uuid, save_id=uuid4(), seq_from=1, seq_to=1, state="quarantined",
            code="unknown-village", sentence="Central does not know this village.", since=here.node.wall(),
        )  # fmt: skip
        (told,) = answer("quarantine")
        assert (told["state"], told["code"], told["what"]) == (
            "quarantined",
            "unknown-village",
            "New: Patient",
        )
        assert {"label": "Given name", "text": "Ana"} in told["values"]
        assert "does not know this village" in run("quarantine")[1]
