"""H3, its other half: the thirty days are over, there is no link, and the office reads a code to somebody."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from registry.staff.breakglass import ASKED_FOR, key_of, make_code, plain_digits
from registry.staff.models import Credential, Question, SignIn, StaffMember, TelephoneCode, TelephoneKey
from sync.ledger.recording import Author
from sync.models import EnrolledNode, LinkState, SecurityEvent
from sync.problems import Problem
from sync.vault.keys import pepper
from tests.registry.conftest import PASSWORD
from tests.registry.staff.conftest import LOGIN, Staffed
from tests.world import Site

pytestmark = pytest.mark.once  # no query here differs between the engines
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@pytest.fixture
def over(staffed: Staffed) -> Staffed:
    """A laptop that has had no link for a month and a day."""
    staffed.link.up = False
    with staffed.world.at(staffed.laptop):
        LinkState.objects.update(state=LinkState.State.DOWN)
    staffed.world.advance(31 * DAY_MS)
    return staffed


def tries(staffed: Staffed, username: str, code: str = "", client: Client | None = None) -> Any:
    with staffed.world.at(staffed.laptop):
        said = {"login": username, "password": PASSWORD, "office_code": code}
        return (client or Client()).post(LOGIN, said, secure=True)


def asked(answer: Any) -> str:
    """The number on the page."""
    return plain_digits(answer.context["call"].number)


def told(staffed: Staffed, username: str, question: str, site: Site | None = None) -> str:
    """What Olga of the office answers."""
    with staffed.world.at(staffed.world.central):
        olga = StaffMember.objects.get(username="olga").pk
        staff = StaffMember.objects.get(username=username)
        node = EnrolledNode.objects.get(name=(site or staffed.laptop).name)
        return make_code(by=Author(olga), staff=staff, node=node, question=question)


def test_a_code_lets_somebody_in_for_a_day(over: Staffed) -> None:
    """H3: with the password, once, and noted on both sides."""
    page = tries(over, "ana")
    html = page.content.decode()
    assert "has ended" in html and "Ana Ruiz" in html and "Bocas 1" in html
    code = told(over, "ana", asked(page))
    assert tries(over, "ana", f"{code[:5]} {code[5:]}").status_code == 302
    over.world.advance(23 * HOUR_MS)
    assert tries(over, "ana").status_code == 302
    over.world.advance(2 * HOUR_MS)
    later = tries(over, "ana", code)
    assert later.status_code == 200
    assert asked(later) != asked(page)
    over.link.up = True
    over.run()
    with over.world.at(over.laptop):
        assert Credential.objects.get(staff_id=over.staff_id("ana")).lent_until is None
        assert SecurityEvent.objects.filter(code="break-glass-used").count() == 1
    with over.world.at(over.world.central):
        assert set(SignIn.objects.values_list("lent_on", "outcome")) == {(asked(page), "fine")}
    over.link.up = False
    assert tries(over, "ana").status_code == 302


def test_the_password_must_be_right_and_wrong_codes_are_guesses(over: Staffed) -> None:
    question = asked(tries(over, "ana"))
    code = told(over, "ana", question)
    with over.world.at(over.laptop):
        said = {"login": "ana", "password": "a wrong password", "office_code": code}
        stranger = Client().post(LOGIN, said, secure=True)
    assert stranger.context["call"] is None
    wrong = f"{(int(code) + 1) % 10**10:010d}"
    said_of_it = [tries(over, "ana", wrong).content.decode() for _try in range(6)]
    assert "This code is not right." in said_of_it[4]
    assert "Too many wrong guesses" in said_of_it[5]
    assert "Too many wrong guesses" in tries(over, "ana", code).content.decode()
    over.world.advance(HOUR_MS)
    assert tries(over, "ana", code).status_code == 302


def test_it_is_of_one_person_at_one_laptop_and_works_once(over: Staffed) -> None:
    ana, rosa = asked(tries(over, "ana")), asked(tries(over, "rosa"))
    of_ana = told(over, "ana", ana)
    assert tries(over, "rosa", of_ana).status_code == 200
    with pytest.raises(Problem, match="wrong-number"):
        told(over, "rosa", ana)
    with pytest.raises(Problem, match="not-here"):
        told(over, "ana", ana, over.elsewhere)
    assert tries(over, "ana", of_ana).status_code == 302
    with over.world.at(over.laptop):
        Credential.objects.update(lent_until=None)
    assert asked(tries(over, "ana", of_ana)) != ana
    over.world.advance(int(ASKED_FOR.total_seconds() * 1000) + 1)
    assert asked(tries(over, "rosa", told(over, "rosa", rosa))) != rosa


def test_a_restored_database_takes_no_code_of_before(over: Staffed) -> None:
    question = asked(tries(over, "ana"))
    code = told(over, "ana", question)
    with over.world.at(over.laptop):
        Question.objects.update(replica=over.staff_id("ana"))  # asked by the copy before
    assert asked(tries(over, "ana", code)) != question


def test_who_left_and_a_revoked_laptop_get_no_code(over: Staffed) -> None:
    question = asked(tries(over, "ana"))
    with over.world.at(over.world.central):
        EnrolledNode.objects.filter(name="Bocas 1").update(revoked_at=1)
    with pytest.raises(Problem, match="not-here"):
        told(over, "ana", question)
    with over.world.at(over.world.central):
        assert not TelephoneCode.objects.exists()


def test_the_key_is_not_readable_at_central(over: Staffed) -> None:
    with over.world.at(over.world.central):
        kept = {bytes(row.sealed) for row in TelephoneKey.objects.all()}
    with over.world.at(over.laptop):
        assert len(kept) == 2
        assert not any(key_of(pepper()) in one or pepper() in one for one in kept)


def test_it_opens_daily_work_only_whatever_the_role(over: Staffed) -> None:
    client = Client()
    code = told(over, "carla", asked(tries(over, "carla", client=client)))
    assert tries(over, "carla", code, client).status_code == 302
    with over.world.at(over.laptop):
        closed = client.get("/team/", secure=True)
        assert (closed.status_code, "by a code" in closed.content.decode()) == (403, True)
        assert client.get("/board/", secure=True).status_code == 200
        assert client.get("/me/pin/", secure=True).status_code == 200
        assert client.get("/api/v1/sync/", secure=True).status_code == 403
        assert client.get("/api/v1/sync/", secure=True, headers={"Authorization": "x"}).status_code == 401
        assert client.get("/account/password/change/", secure=True).status_code == 403
        client.post("/me/password/", {"password": PASSWORD}, secure=True)
        assert client.get("/team/", secure=True).status_code == 403
    over.link.up = True
    over.run()
    with over.world.at(over.laptop):
        assert client.get("/team/", secure=True).status_code == 200


def test_the_office_makes_it_on_a_page_and_everybody_looks_at_its_use(over: Staffed) -> None:
    question = asked(tries(over, "ana"))
    office = Client()
    with over.world.at(over.world.central):
        office.post(LOGIN, {"login": "olga", "password": PASSWORD}, secure=True)
        node = EnrolledNode.objects.get(name="Bocas 1").uuid
        address = f"/staff/{over.staff_id('ana')}/code/"
        wrong = office.post(address, {"node": node, "question": "12345678"}, secure=True)
        assert (wrong.status_code, "Have it read again" in wrong.content.decode()) == (422, True)
        page = office.post(address, {"node": node, "question": question}, secure=True)
        code = page.context["code"]
    assert tries(over, "ana", code).status_code == 302
    over.link.up = True
    over.run()
    with over.world.at(over.world.central):
        html = office.get("/log-ins/", secure=True).content.decode()
        assert "With a code by telephone" in html and "Code made by" in html
        office.post(f"/log-ins/{SignIn.objects.get().pk}/reviewed/", secure=True)
        seen = office.get("/log-ins/", secure=True)
        assert (seen.context["attention"], seen.context["others"][0]["looked"]) == ([], "Olga Ruiz")
        TelephoneCode.objects.all().delete()
        SignIn.objects.update(reviewed_at=None)
        assert "Treat the laptop as stolen" in office.get("/log-ins/", secure=True).content.decode()
    coordinator = over.logs_in("carla")
    with over.world.at(over.laptop):
        mine = SignIn.objects.exclude(lent_on="").get()
        assert coordinator.get("/log-ins/", secure=True).context["attention"][0]["to_review"] == mine.pk
        coordinator.post(f"/log-ins/{mine.pk}/reviewed/", secure=True)
        mine.refresh_from_db()
        assert mine.reviewed_by == over.staff_id("carla")
        mine.staff_id = over.staff_id("carla")
        mine.save()
        own = coordinator.post(f"/log-ins/{mine.pk}/reviewed/", secure=True)
        assert own.status_code == 409
