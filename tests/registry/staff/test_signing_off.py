"""When the link returns, central signs off every log-in since the last contact, before anything else."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from registry.people.services import register
from registry.staff import signoffs
from registry.staff.models import Account, ApiToken, Credential, SignIn
from registry.staff.policy import Role
from registry.staff.selectors import authority_of
from registry.staff.services import add_staff, end_role, end_staff, give_role, set_password
from registry.staff.sessions import issue_token
from registry.staff.signoffs import (
    MOST_ASKED,
    SignedOff,
    SignOffAnswer,
    SignOffQuestion,
    answer_signoffs,
    sign_ins_to_sign_off,
    signoffs_to_ask,
    take_signoffs,
    waits_for_sign_off,
    when_revoked,
)
from sync.exchanges import unpack
from sync.models import EnrolledNode, SyncRun
from sync.review.models import Aside
from tests.registry.conftest import THE_NODE
from tests.registry.staff.conftest import Staffed
from tests.world import Site

ANOTHER, A_THIRD = "another lantern 8", "a third lantern 9"
DAY_MS = 86_400_000


def doors(staffed: Staffed) -> list[str]:
    return [wire.url.rsplit("/", 1)[-1] for wire in staffed.link.recorded]


def asks(staffed: Staffed, site: Site | None = None) -> bytes:
    with staffed.world.at(site or staffed.laptop):
        return signoffs_to_ask()


def answers(staffed: Staffed, question: bytes, node: str = "Bocas 1") -> bytes:
    with staffed.world.at(staffed.world.central):
        return answer_signoffs(EnrolledNode.objects.get(name=node), question)


def takes(staffed: Staffed, answer: bytes, *, from_stick: bool = False) -> int:
    with staffed.world.at(staffed.laptop):
        return take_signoffs(answer, from_stick=from_stick)


def test_a_log_in_is_signed_off_before_anything_is_sent(staffed: Staffed) -> None:
    client = staffed.logs_in("ana")
    with staffed.world.at(staffed.laptop):
        register(by=THE_NODE, given_name="José", birth_date=date(1990, 5, 17))
    before = len(staffed.link.recorded)
    staffed.run()
    assert doors(staffed)[before:][:3] == ["hello", "signoffs", "changes"]
    assert staffed.outcomes() == ["fine"]
    assert staffed.is_logged_in(client)
    with staffed.world.at(staffed.world.central):
        kept = SignIn.objects.get()
        assert kept.node_uuid == EnrolledNode.objects.get(name="Bocas 1").uuid
        assert (kept.outcome, kept.staff_id) == ("fine", staffed.staff_id("ana"))


def test_a_run_with_nothing_to_ask_is_one_request(staffed: Staffed) -> None:
    staffed.logs_in("ana")
    staffed.run()
    staffed.run()
    before = staffed.link.requests
    staffed.run()
    assert staffed.link.requests - before == 1


def test_a_password_that_was_changed_twice(staffed: Staffed) -> None:
    """H2: the password changes at central while the node is offline."""
    client = staffed.logs_in("ana")
    with staffed.world.at(staffed.laptop):
        register(by=THE_NODE, given_name="José", birth_date=date(1990, 5, 17))
    for password in (ANOTHER, A_THIRD):
        staffed.office(set_password, "ana", password=password)
    staffed.link.up = False
    assert staffed.is_let_in("ana") == "laptop"  # nobody here can know
    staffed.link.up = True
    staffed.run()
    assert staffed.outcomes() == ["password-changed"]
    assert not staffed.is_logged_in(client)
    staffed.link.up = False
    staffed.world.advance(60_001)
    assert [staffed.is_let_in("ana", one) for one in (ANOTHER, A_THIRD)] == ["wrong-offline", "laptop"]
    assert staffed.world.unsent(staffed.laptop) == 0


def test_a_role_that_was_lowered(staffed: Staffed) -> None:
    """H9: the new role counts with the next request, even where the run breaks off before it sends."""
    client = staffed.logs_in("ana")
    with staffed.world.at(staffed.laptop):
        register(by=THE_NODE, given_name="José", birth_date=date(1990, 5, 17))
        assert authority_of(staffed.staff_id("ana")).roles == {Role.PROVIDER}
    staffed.office(end_role, "ana", role="provider", facility=staffed.facility("BOC"))
    staffed.office(give_role, "ana", role="registrar", facility=staffed.facility("BOC"))
    staffed.link.lose_after, staffed.link.lose_answers = 3, 99
    assert staffed.world.sync(staffed.laptop)[0].outcome == SyncRun.Outcome.FAILED
    assert staffed.outcomes() == ["role-changed"]
    assert staffed.world.unsent(staffed.laptop) == 2
    with staffed.world.at(staffed.laptop):
        assert authority_of(staffed.staff_id("ana")).roles == {Role.REGISTRAR}
    assert staffed.is_logged_in(client)


def test_a_role_that_came_back_is_no_news(staffed: Staffed) -> None:
    staffed.logs_in("ana")
    staffed.office(end_role, "ana", role="provider", facility=staffed.facility("BOC"))
    staffed.office(give_role, "ana", role="provider", facility=staffed.facility("BOC"))
    staffed.run()
    assert staffed.outcomes() == ["fine"]


def test_who_left_is_out_within_one_request(staffed: Staffed, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[UUID, datetime]] = []
    monkeypatch.setattr(signoffs, "_hooks", [])
    when_revoked(lambda staff_id, since: told.append((staff_id, since)))
    tablets = [staffed.logs_in("ana") for _tablet in range(2)]
    with staffed.world.at(staffed.laptop):
        ana = staffed.staff_id("ana")
        issue_token(Account.objects.get(staff_id=ana))
    staffed.world.advance(5_000)
    left_at = staffed.world.now_ms
    staffed.office(end_staff, "ana")
    staffed.world.advance(5_000)
    assert all(staffed.is_logged_in(tablet) for tablet in tablets)
    with staffed.world.at(staffed.laptop):
        register(by=THE_NODE, given_name="José", birth_date=date(1990, 5, 17))
    staffed.run()
    assert not any(staffed.is_logged_in(tablet) for tablet in tablets)
    with staffed.world.at(staffed.laptop):
        assert not Credential.objects.filter(staff_id=ana).exists()
        assert not ApiToken.objects.exists()
        assert {(row.outcome, row.since) for row in SignIn.objects.all()} == {("revoked", told[0][1])}
    assert {staff_id for staff_id, _since in told} == {ana}
    assert int(told[0][1].timestamp() * 1000) == left_at
    assert staffed.world.unsent(staffed.laptop) == 0


def test_what_other_rooms_do_about_it_is_part_of_it(
    staffed: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a room fails, nothing of the answer has happened, and it is asked again."""

    def fails(staff_id: UUID, since: datetime) -> None:
        raise ArithmeticError

    staffed.notes("ana")
    staffed.office(end_staff, "ana")
    answer = answers(staffed, asks(staffed))
    monkeypatch.setattr(signoffs, "_hooks", [fails])
    with pytest.raises(ArithmeticError):
        takes(staffed, answer)
    assert staffed.outcomes() == [""]
    with staffed.world.at(staffed.laptop):
        assert Account.objects.get(username="ana").is_active
        assert waits_for_sign_off()


@pytest.mark.parametrize("passes", [0, 1])
def test_a_lost_answer_is_asked_for_again(staffed: Staffed, passes: int) -> None:
    staffed.notes("ana")
    staffed.link.lose_after, staffed.link.lose_answers = passes, 1
    if not passes:
        staffed.link.duplicate = 1
    assert staffed.world.sync(staffed.laptop)[0].outcome == SyncRun.Outcome.FAILED
    assert staffed.outcomes() == [""]
    staffed.office(set_password, "ana", password=ANOTHER)
    staffed.run()
    assert staffed.outcomes() == ["password-changed"]
    assert staffed.outcomes(staffed.world.central) == ["password-changed"]  # the later answer, in one row


def test_an_answer_that_comes_twice_has_one_effect(staffed: Staffed) -> None:
    staffed.notes("ana")
    staffed.office(set_password, "ana", password=ANOTHER)
    answer = answers(staffed, asks(staffed))
    assert [takes(staffed, answer), takes(staffed, answer)] == [1, 0]
    staffed.link.up = False
    client = staffed.logs_in("ana", ANOTHER)
    assert takes(staffed, answer) == 0
    assert staffed.is_logged_in(client)


def test_more_than_one_question_holds(staffed: Staffed) -> None:
    with staffed.world.at(staffed.laptop):
        ana = staffed.staff_id("ana")
        rows = [SignIn(staff_id=ana, at=staffed.laptop.node.now(), password_number=1) for _n in range(450)]
        SignIn.objects.bulk_create(rows)
    before = len(staffed.link.recorded)
    staffed.run()
    assert doors(staffed)[before:].count("signoffs") == 3
    assert set(staffed.outcomes()) == {"fine"}
    assert len(staffed.outcomes(staffed.world.central)) == 450


@pytest.mark.parametrize("error_ms", [400 * DAY_MS, -400 * DAY_MS])
def test_a_wrong_clock_changes_no_answer(staffed: Staffed, error_ms: int) -> None:
    """E1: the log-ins are dated a year ahead or back; central judges by its own clock."""
    staffed.laptop.clock_error_ms = error_ms
    staffed.notes("ana")
    staffed.notes("rosa")
    staffed.office(end_staff, "ana")
    left_at = staffed.world.now_ms
    staffed.run()
    assert staffed.outcomes() == ["revoked", "fine"]
    staffed.laptop.clock_error_ms = 0
    with staffed.world.at(staffed.laptop):
        since = SignIn.objects.order_by("pk")[0].since
        assert since is not None
        assert int(since.timestamp() * 1000) == left_at


def test_somebody_central_has_never_heard_of(staffed: Staffed) -> None:
    with staffed.world.at(staffed.laptop):
        stranger = Account.objects.create(username="eve", staff_id=uuid4())
        SignIn.objects.create(staff_id=stranger.staff_id, at=staffed.laptop.node.now())
    staffed.run()
    assert staffed.outcomes() == ["unknown"]
    with staffed.world.at(staffed.laptop):
        assert not Account.objects.get(pk=stranger.pk).is_active


def test_a_log_in_before_the_lists_came_is_fine(staffed: Staffed) -> None:
    with staffed.world.at(staffed.world.central):
        new = add_staff(by=THE_NODE, username="nina", grants=[("triage", staffed.facility("BOC"))])
    with staffed.world.at(staffed.laptop):
        SignIn.objects.create(staff_id=new.pk, at=staffed.laptop.node.now(), grants=None)
    staffed.run()
    assert staffed.outcomes() == ["fine"]


def test_the_same_on_a_stick(staffed: Staffed) -> None:
    """The link stays down; question and answer travel as files, and yesterday's answer comes again later."""
    client = staffed.logs_in("ana")
    yesterday = answers(staffed, asks(staffed))
    staffed.world.advance(60_000)
    staffed.office(end_staff, "ana")
    question = asks(staffed)
    assert takes(staffed, answers(staffed, question), from_stick=True) == 1
    assert not staffed.is_logged_in(client)
    assert takes(staffed, yesterday, from_stick=True) == 0
    assert staffed.is_let_in("ana") == "wrong-offline"
    with staffed.world.at(staffed.laptop):
        assert not Credential.objects.filter(staff_id=staffed.staff_id("ana")).exists()


def test_a_node_settles_its_own_log_ins_only(staffed: Staffed) -> None:
    mine, theirs = staffed.notes("ana"), staffed.notes("teo", staffed.elsewhere)
    answers(staffed, asks(staffed, staffed.elsewhere), "Yaviza 1")
    question = unpack(SignOffQuestion, asks(staffed))
    question.log_ins[0].ref = theirs.ref.bytes  # a ref that the other laptop has used
    answer = answers(staffed, question.pack())
    with staffed.world.at(staffed.world.central):
        assert SignIn.objects.filter(ref=theirs.ref).count() == 2
    assert takes(staffed, answer) == 0
    assert staffed.outcomes() == [""]
    other = SignOffAnswer(0, [SignedOff(mine.ref.bytes, theirs.staff_id.bytes, "revoked", 1)])
    assert takes(staffed, other.pack()) == 0


def test_a_word_of_a_later_central_is_kept_and_does_nothing(staffed: Staffed) -> None:
    row = staffed.notes("ana")
    told = SignOffAnswer(0, [SignedOff(row.ref.bytes, row.staff_id.bytes, "on-leave")])
    assert takes(staffed, told.pack()) == 1
    assert staffed.outcomes() == ["on-leave"]
    staffed.link.up = False
    assert staffed.is_let_in("ana") == "laptop"


def test_central_refuses_what_is_no_question(staffed: Staffed) -> None:
    ask = [bytes(16), bytes(16), 0, "", 0, None]
    for body in (
        [bytes(32), [ask] * (MOST_ASKED + 1), [], True],
        [bytes(32), [[bytes(15), *ask[1:]]], [], True],
        [bytes(32), [[*ask[:2], 10**18, *ask[3:]]], [], True],
        bytes(32),
    ):
        with pytest.raises(msgspec.ValidationError):
            answers(staffed, msgspec.msgpack.encode(body))
    assert (
        unpack(SignOffAnswer, answers(staffed, msgspec.msgpack.encode([b"", [ask], [], True]))).roster is None
    )


def test_what_was_known_is_kept_with_the_answer(staffed: Staffed) -> None:
    staffed.notes("carla")
    with staffed.world.at(staffed.laptop):
        (row,) = sign_ins_to_sign_off()
        assert row.password_number == 1
        assert row.grants == [f"coordinator@{staffed.facility('BOC').pk.hex}"]
    staffed.run()
    with staffed.world.at(staffed.laptop):
        kept = SignIn.objects.get()
        assert (kept.outcome, kept.grants, kept.password_number) == ("fine", row.grants, 1)
        assert kept.signed_off is not None
        assert not Aside.objects.exists()
