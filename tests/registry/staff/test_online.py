"""While the link is up central decides who logs in; its no is final, its yes is good offline afterwards."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from registry.staff import limits, online, verifiers
from registry.staff.log_in_words import SENTENCES
from registry.staff.models import Account, Credential, SignIn
from registry.staff.selectors import people_on_duty
from registry.staff.services import add_staff, end_staff, give_role, set_password
from registry.staff.signoffs import SignOffAnswer, SignOffQuestion, answer_signoffs
from sync.carriers.http import Refused, Session
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.conversation import say_hello
from sync.exchanges import unpack
from sync.ledger.replicas import self_replica
from sync.models import EnrolledNode, LinkState, SecurityEvent
from sync.vault.envelope import Unopened, opened, seal_to
from sync.vault.keys import pinned, receipt_keys
from tests.registry.conftest import PASSWORD, THE_NODE
from tests.registry.staff.conftest import LOGIN, Staffed
from tests.world import Link

ANOTHER = "another lantern 8"
DAY_MS = 86_400_000
WHILE_MS = online.SILENT_FOR_MS + 1


def offline(staffed: Staffed) -> None:
    """Down, and the probe has found out."""
    staffed.link.up = False
    with staffed.world.at(staffed.laptop):
        LinkState.objects.update(state=LinkState.State.DOWN)


def test_central_decides_and_its_yes_renews_what_the_laptop_keeps(staffed: Staffed) -> None:
    staffed.office(set_password, "ana", password=ANOTHER)
    assert staffed.is_let_in("ana") == "wrong"  # the laptop's own verifier would have let her in
    assert staffed.is_let_in("ana", ANOTHER) == "central"
    offline(staffed)
    assert [staffed.is_let_in("ana", one) for one in (PASSWORD, ANOTHER)] == ["wrong-offline", "laptop"]


def test_only_a_log_in_without_central_is_noted(staffed: Staffed) -> None:
    with staffed.world.at(staffed.laptop):
        assert Client().post(LOGIN, {"login": "ana", "password": PASSWORD}, secure=True).status_code == 302
        assert not SignIn.objects.exists()
    staffed.logs_in("ana")
    assert staffed.outcomes() == [""]


def test_three_were_here_before_and_one_never(staffed: Staffed) -> None:
    """H6: without the link three log in, and one is told to log in once with the internet."""
    offline(staffed)
    assert [staffed.is_let_in(one) for one in ("ana", "rosa", "carla")] == ["laptop"] * 3
    assert staffed.is_let_in("teo") == staffed.is_let_in("nobody at all") == "wrong-offline"
    assert "once with the internet" in str(SENTENCES["wrong-offline"])


def test_a_locum_logs_in_once_with_central_and_then_without(staffed: Staffed) -> None:
    assert staffed.is_let_in("teo") == "central"
    offline(staffed)
    assert staffed.is_let_in("teo") == "laptop"
    staffed.link.up = True
    staffed.world.advance(2 * DAY_MS)
    staffed.run()  # brings a new roster, on which he is not
    offline(staffed)
    assert staffed.is_let_in("teo") == "laptop"
    with staffed.world.at(staffed.laptop):
        assert "teo" in {one["username"] for one in people_on_duty()}


def test_only_another_log_in_with_central_prolongs_a_visit(staffed: Staffed) -> None:
    assert staffed.is_let_in("teo") == "central"
    for _week in range(5):
        staffed.world.advance(7 * DAY_MS)
        staffed.run()
    offline(staffed)
    assert (staffed.is_let_in("ana"), staffed.is_let_in("teo")) == ("laptop", "wrong-offline")


def test_a_visitor_whose_password_changed_needs_central_again(staffed: Staffed) -> None:
    assert staffed.is_let_in("teo") == "central"
    staffed.office(set_password, "teo", password=ANOTHER)
    staffed.run()
    offline(staffed)
    assert {staffed.is_let_in("teo", one) for one in (PASSWORD, ANOTHER)} == {"wrong-offline"}
    staffed.link.up = True
    staffed.run()
    assert staffed.is_let_in("teo", ANOTHER) == "central"


def test_a_visitor_who_gets_a_role_here_is_on_the_roster(staffed: Staffed) -> None:
    assert staffed.is_let_in("teo") == "central"
    staffed.office(give_role, "teo", role="lab", facility=staffed.facility("BOC"))
    staffed.run()
    with staffed.world.at(staffed.laptop):
        assert not Credential.objects.get(staff_id=staffed.staff_id("teo")).visiting


def test_a_visitor_who_left_is_gone_with_the_next_run(staffed: Staffed) -> None:
    assert staffed.is_let_in("teo") == "central"
    staffed.office(end_staff, "teo")
    staffed.run()
    with staffed.world.at(staffed.laptop):
        assert not Credential.objects.filter(staff_id=staffed.staff_id("teo")).exists()
        assert not Account.objects.get(username="teo").is_active


def test_a_laptop_gets_no_verifier_by_naming_a_visitor(staffed: Staffed) -> None:
    """H8: a copied key asks for somebody who has never typed a password there."""
    with staffed.world.at(staffed.world.central):
        teo = staffed.staff_id("teo")

    def roster() -> set[bytes]:
        with staffed.world.at(staffed.world.central):
            question = SignOffQuestion(bytes(32), [], [teo.bytes], True).pack()
            told = unpack(
                SignOffAnswer, answer_signoffs(EnrolledNode.objects.get(name=staffed.laptop.name), question)
            )
        return {one["staff_id"] for one in told.roster or ()}

    assert teo.bytes not in roster()
    assert staffed.is_let_in("teo") == "central"
    assert teo.bytes in roster()


def test_the_programme_office_works_at_central(staffed: Staffed) -> None:
    assert staffed.is_let_in("olga", "not hers") == "wrong"
    assert staffed.is_let_in("olga") == "not-here"
    with staffed.world.at(staffed.laptop):
        assert not Credential.objects.filter(staff_id=staffed.staff_id("olga")).exists()


def test_who_left_learns_it_by_their_own_password(staffed: Staffed) -> None:
    client = staffed.logs_in("ana")
    with staffed.world.at(staffed.laptop):
        LinkState.objects.update(state=LinkState.State.UP)
    staffed.office(end_staff, "ana")
    assert staffed.is_let_in("ana", "not hers") == "wrong"
    assert staffed.is_logged_in(client)
    assert staffed.is_let_in("ana") == "ended"
    assert not staffed.is_logged_in(client)
    offline(staffed)
    assert staffed.is_let_in("ana") == "wrong-offline"


def test_an_unknown_name_is_answered_like_a_wrong_password(
    staffed: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Any] = []
    sealed: list[bytes] = []
    real = verifiers._argon2

    def hashes(*told: Any) -> bytes:
        hashed.append(told[2])
        return real(*told)

    def seals(key: Any, content: bytes) -> bytes:
        sealed.append(content)
        return seal_to(key, content)

    monkeypatch.setattr(verifiers, "_argon2", hashes)
    monkeypatch.setattr(online, "seal_to", seals)
    work = []
    for name in ("ana", "nobody"):
        before, hashed[:] = staffed.link.requests, []
        assert staffed.is_let_in(name, "not the password") == "wrong"
        work.append((staffed.link.requests - before, [*hashed]))
    assert work[0] == work[1]
    assert len(work[0][1]) == 1  # at central; the laptop does not hash on top of it
    assert len(sealed[0]) == len(sealed[1])


def test_guesses_lock_at_central_whatever_the_laptop_counts(staffed: Staffed) -> None:
    for _guess in range(5):
        assert staffed.is_let_in("ana", "not the password") == "wrong"
    assert staffed.is_let_in("ana") == "locked"
    staffed.world.advance(31_000)
    assert staffed.is_let_in("ana") == "central"


def test_one_password_tried_on_every_name_is_slow_too_and_is_told(
    staffed: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8: with a copied key. The other clinic's people do not wait for it."""
    monkeypatch.setattr(limits, "FREE_OF_A_NODE", 4)
    assert staffed.is_let_in("ana") == "central"  # a password that is known gives no guesses back
    tried = [staffed.is_let_in(f"somebody {n}", "a usual password") for n in range(6)]
    assert tried == ["wrong"] * 4 + ["locked"] * 2
    assert staffed.is_let_in("ana") == "locked"
    assert staffed.is_let_in("teo", site=staffed.elsewhere) == "central"
    with staffed.world.at(staffed.world.central):
        told = SecurityEvent.objects.filter(code="log-ins-guessed")
        node = EnrolledNode.objects.get(name=staffed.laptop.name).uuid
        assert {one.node_uuid for one in told} == {node}
        assert not any("somebody" in one.sentence or "ana" in one.sentence for one in told)
    staffed.world.advance(31_000)
    assert staffed.is_let_in("ana") == "central"
    assert staffed.is_let_in("ana") == "central"
    staffed.world.advance(DAY_MS)
    assert [staffed.is_let_in(f"somebody {n}", "a usual password") for n in range(2)] == ["wrong"] * 2


def test_a_link_that_the_probe_calls_down_is_not_tried(staffed: Staffed) -> None:
    offline(staffed)
    staffed.link.up = True
    before = staffed.link.requests
    assert staffed.is_let_in("ana") == "laptop"
    assert staffed.link.requests == before


def test_a_central_that_keeps_people_waiting_is_asked_once_a_minute(
    staffed: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    real = Link.send

    def send(self: Link, wire: Wire, *, patience: float) -> Reply:
        tried.append(wire.url.rsplit("/", 1)[-1])
        assert patience <= online.ANSWER_S
        return real(self, wire, patience=patience)

    monkeypatch.setattr(Link, "send", send)
    staffed.link.up = False  # and nobody has noticed yet
    assert [staffed.is_let_in(one) for one in ("ana", "rosa", "carla")] == ["laptop"] * 3
    assert tried == ["log-in"]
    staffed.world.advance(WHILE_MS)
    staffed.link.up = True
    assert staffed.is_let_in("ana") == "central"


def test_what_is_not_centrals_answer_is_no_answer(staffed: Staffed, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Link.send

    def with_a_bit_turned(self: Link, wire: Wire, *, patience: float) -> Reply:
        reply = real(self, wire, patience=patience)
        return Reply(
            reply.status, reply.body[:-1] + bytes([reply.body[-1] ^ 1]), reply.content_type, reply.headers
        )

    staffed.office(set_password, "ana", password=ANOTHER)
    monkeypatch.setattr(Link, "send", with_a_bit_turned)
    assert staffed.is_let_in("ana", ANOTHER) == "wrong-offline"
    assert staffed.is_let_in("ana") == "laptop"


def test_an_answer_of_yesterday_is_no_answer(staffed: Staffed, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Reply] = []
    real = Link.send

    def from_memory(self: Link, wire: Wire, *, patience: float) -> Reply:
        kept.append(real(self, wire, patience=patience))
        return kept[0]

    monkeypatch.setattr(Link, "send", from_memory)
    assert staffed.is_let_in("ana") == "central"
    staffed.office(set_password, "ana", password=ANOTHER)
    assert staffed.is_let_in("ana") == "laptop"


def session_of(staffed: Staffed) -> Session:
    known = pinned()
    assert known is not None and staffed.link is not None
    session = Session(staffed.laptop.node.kept["carrier"], known, self_replica().uuid)
    say_hello(session)
    return session


def test_what_another_laptop_sealed_is_refused(staffed: Staffed) -> None:
    with staffed.world.at(staffed.elsewhere):
        known = pinned()
        assert known is not None
        typed = online.Typed(
            bytes.fromhex(known.node.replace("-", "")), "ana", PASSWORD, bytes(32), bytes(32)
        )
        sealed = seal_to(receipt_keys()[known.key_id], typed.pack())
    with staffed.world.at(staffed.laptop):
        session = session_of(staffed)
        for body in (sealed, b"no seal at all"):
            with pytest.raises(Refused) as refused:
                session.post("log-in", body)
            assert refused.value.code == "not-for-us"
        with pytest.raises(Unopened):
            opened(sealed)


def test_an_old_nonce_costs_one_hello(staffed: Staffed) -> None:
    staffed.world.advance(7 * 3_600_000)
    before = len(staffed.link.recorded)
    assert staffed.is_let_in("ana") == "central"
    assert [wire.url.rsplit("/", 1)[-1] for wire in staffed.link.recorded[before:]] == [
        "log-in",
        "hello",
        "log-in",
    ]


def test_somebody_brand_new_brings_the_lists(staffed: Staffed, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(online, "ask_for_run", asked.append)
    with staffed.world.at(staffed.world.central):
        add_staff(
            by=THE_NODE, username="nina", grants=[("triage", staffed.facility("BOC"))], password=PASSWORD
        )
    assert staffed.is_let_in("nina") == "central"
    assert staffed.is_let_in("ana") == "central"
    assert asked == ["log-in"]


def test_the_password_is_nowhere(staffed: Staffed, caplog: pytest.LogCaptureFixture) -> None:
    typed = "seldom typed lantern 4"
    with caplog.at_level(logging.DEBUG):
        staffed.office(set_password, "ana", password=typed)
        assert staffed.is_let_in("ana", typed) == "central"
        assert staffed.is_let_in("ana", typed + "x") == "wrong"
    secrets = (typed.encode(), b"ana")
    assert not any(secret in wire.body for wire in staffed.link.recorded[-2:] for secret in secrets)
    assert typed not in caplog.text
    for site in (staffed.laptop, staffed.world.central):
        for path in site.node.data_dir.rglob("*"):
            assert not path.is_file() or typed.encode() not in path.read_bytes()


def test_the_page_says_why(staffed: Staffed) -> None:
    def says(username: str, password: str = PASSWORD) -> str:
        with staffed.world.at(staffed.laptop):
            answer: Any = Client().post(LOGIN, {"login": username, "password": password}, secure=True)
            return str(answer.context["form"].non_field_errors()[0])

    assert says("ana", "not hers") == says("nobody") == "The user name or the password is wrong."
    assert "no role at a clinic" in says("olga")
    offline(staffed)
    assert says("teo") == says("nobody")
    assert "Log in once with the internet" in says("teo")


def test_the_password_before_a_closed_page_is_central_s_to_judge(staffed: Staffed) -> None:
    """Also in the middle of a shift: `me/password/` and allauth's own question."""
    client = staffed.logs_in("ana")
    with staffed.world.at(staffed.laptop):
        LinkState.objects.update(state=LinkState.State.UP)
    staffed.office(set_password, "ana", password=ANOTHER)
    with staffed.world.at(staffed.laptop):
        for address in ("/me/password/", "/account/reauthenticate/"):
            assert client.post(address, {"password": PASSWORD}, secure=True).status_code in (200, 400)
        assert client.post("/me/password/", {"password": ANOTHER}, secure=True).status_code == 302
        assert client.get("/me/", secure=True).status_code == 200
