"""What comes out of a seal: written once, by its author, or kept for them; and never anything that was
tampered with.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from clinic.tablet.models import Delivery, Draft, TabletKey
from clinic.tablet.passes import read_pass
from clinic.tablet.sealing import change_key
from clinic.visits.models import StageEvent, Visit
from clinic.visits.services import edit_event
from registry.people.models import Patient
from registry.staff.devices import COOKIE, HEADER
from registry.staff.models import Account
from registry.staff.shifts import COOKIE as BROWSER
from registry.staff.shifts import end_sessions_of
from sync.ledger.models import Change
from sync.node import current_node
from sync.review.models import Conflict
from tests.clinic.tablet.conftest import Tablet, a_save_id, hand
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import forms_on, open_page, stage_form
from tests.registry.conftest import browser
from tests.registry.tablets.device import on_wifi


def test_a_sealed_save_is_written_by_its_author_on_their_tablet(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    assert tablet.send(item) == ["saved"]
    event = StageEvent.objects.get()
    assert event.values["weight"] == "61.5"
    assert (event.made_by, event.made_on) == (day.tina.pk, "tablet-7")
    assert not Draft.objects.exists()


def test_it_is_written_once_however_often_it_comes(day: Day, visit: Visit, tablet: Tablet) -> None:
    typed = tablet.typed(*tablet.triage(visit, weight="61.5"))
    item, sealed_anew = tablet.seal(typed), tablet.seal(typed)
    assert tablet.send(item, item) == ["saved", "already"]
    assert tablet.send(sealed_anew) == ["already"]
    Delivery.objects.all().delete()  # killed between the save and the note of it
    assert tablet.send(item) == ["already"]
    assert StageEvent.objects.count() == 1


def test_a_save_that_had_reached_the_laptop_is_no_second_one(day: Day, visit: Visit, tablet: Tablet) -> None:
    """A6: the Wi-Fi dropped after the commit and before the answer."""
    action, posted = tablet.triage(visit, weight="61.5")
    tablet.client.post(
        action, posted.urlencode(), content_type="application/x-www-form-urlencoded", secure=True
    )
    assert tablet.send(tablet.seal(tablet.typed(action, posted))) == ["already"]
    assert StageEvent.objects.count() == 1


def register_form(day: Day, tablet: Tablet) -> QueryDict:
    page = forms_on(open_page(tablet.client, "register"))[reverse("register")]
    return page.post(given_name="Aurelia", family_name="Montezuma", sex="female", age_years="31")


def test_a_registration_that_had_arrived_does_not_meet_itself(day: Day) -> None:
    tablet = hand(day, day.cast.rosa)
    posted, address = register_form(day, tablet), reverse("register")
    before = Patient.objects.count()
    for expected in ("saved", "already"):
        assert tablet.send(tablet.seal(tablet.typed(address, posted))) == [expected]
        Delivery.objects.all().delete()
    assert Patient.objects.count() == before + 1


def test_somebody_else_who_holds_the_tablet_now_brings_it_but_did_not_write_it(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    tablet.client.post(reverse("account_logout"), secure=True)
    assert tablet.send(item, client=tablet.lent_to(browser(day.pia))) == ["saved"]
    assert StageEvent.objects.get().made_by == day.tina.pk
    assert tablet.send(item, client=tablet.lent_to(Client())) == ["already"]


def test_bringing_it_logs_nobody_in_and_keeps_no_session(day: Day, visit: Visit, tablet: Tablet) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    nobody, before = tablet.lent_to(Client()), Session.objects.count()
    assert tablet.send(item, client=nobody) == ["saved"]
    assert Session.objects.count() == before
    assert nobody.get(reverse("me"), secure=True).status_code == 302


def test_an_old_form_is_a_concurrent_edit(day: Day, visit: Visit, tablet: Tablet) -> None:
    event = day.triage(visit, {"weight": "60"})
    action, form = stage_form(tablet.client, visit, event.pk)
    item = tablet.seal(tablet.typed(action, form.post(weight="61")))
    edit_event(by=day.ana, event=event, changes={"weight": "62"}, seen=event.version)
    answer = tablet.client.post(
        reverse("tablet-outbox"), [item], content_type="application/json", secure=True
    )
    assert answer.json()["answers"] == [{"id": item["id"], "state": "saved", "conflicted": True}]
    assert Conflict.objects.filter(record_id=event.pk, field="values.weight").exists()


def test_a_stage_that_a_colleague_filled_in_meanwhile_is_shown_beside_it(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    action, posted = tablet.triage(visit, weight="61")
    day.triage(visit, {"weight": "60"})
    assert tablet.send(tablet.seal(tablet.typed(action, posted))) == ["kept"]
    draft = Draft.objects.get()
    assert (draft.staff_id, draft.kind) == (day.tina.pk, "sent")
    shown = open_page(tablet.client, "visit-stage", visit.pk, "opd_stage_triage")
    assert "Your save needs you" in shown
    beside = tablet.client.post(
        action, {"draft": "continue", "draft_id": draft.pk}, secure=True
    ).content.decode()
    assert "Recorded is: 60 kg" in beside
    assert 'value="61"' in beside


@pytest.mark.parametrize("wrong", ["author", "at", "id", "tablet", "kind"])
def test_what_lies_beside_the_seal_cannot_be_changed(
    day: Day, visit: Visit, tablet: Tablet, wrong: str
) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    changed: dict[str, Any] = {
        "author": str(day.pia.pk),
        "at": item["at"] + 1,
        "id": a_save_id(day),
        "tablet": "tablet-8",
        "kind": "draft",
    }
    assert tablet.send(item | {wrong: changed[wrong]}) == ["unreadable"]
    assert not StageEvent.objects.exists()
    assert not Draft.objects.exists()


def test_a_changed_seal_does_not_open(day: Day, visit: Visit, tablet: Tablet) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    raw = bytearray(b64decode(item["sealed"]))
    raw[-20] ^= 1
    assert tablet.send(item | {"sealed": b64encode(raw).decode()}) == ["unreadable"]
    for rubbish in ("", "A", "%%%", b64encode(b"\x04" + bytes(90)).decode()):
        assert tablet.send(item | {"sealed": rubbish}) == ["unreadable"]


def test_what_was_sealed_for_another_laptop_stays_on_the_tablet(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    TabletKey.objects.all().delete()
    assert tablet.send(item) == ["elsewhere"]


def test_a_new_key_still_opens_the_old_seals(day: Day, visit: Visit, tablet: Tablet) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    assert change_key().key_id != item["key"]
    assert tablet.send(item) == ["saved"]


def test_without_a_pass_of_ours_nobody_writes_anything(day: Day, visit: Visit, tablet: Tablet) -> None:
    typed = tablet.typed(*tablet.triage(visit, weight="61.5"))
    forged = tablet.author_pass[:-2] + "xx"
    assert (
        tablet.send(tablet.seal(typed | {"pass": forged}), tablet.seal(typed | {"pass": ""}))
        == ["unreadable"] * 2
    )
    assert not StageEvent.objects.exists()


def kept_for(day: Day, item: dict[str, Any], tablet: Tablet) -> str:
    """It was not written; its author finds it, and this is why."""
    assert tablet.send(item) == ["kept"]
    assert tablet.send(item) == ["kept"]
    assert not StageEvent.objects.exists()
    return str(Draft.objects.get(staff_id=day.tina.pk, kind="sent").sentence)


def test_a_log_in_that_had_ended_writes_nothing(day: Day, visit: Visit, tablet: Tablet) -> None:
    typed = tablet.typed(*tablet.triage(visit, weight="61.5"))
    tablet.client.post(reverse("account_logout"), secure=True)
    day.advance(minutes=10)
    assert "after the log-in had ended" in kept_for(day, tablet.seal(typed), tablet)


def test_a_log_in_that_a_coordinator_ended_writes_nothing(day: Day, visit: Visit, tablet: Tablet) -> None:
    typed = tablet.typed(*tablet.triage(visit, weight="61.5"))
    account, key = Account.objects.get(staff_id=day.tina.pk), tablet.client.session.session_key
    UserSession.objects.create(user=account, session_key=key, ip="127.0.0.1", user_agent="a tablet")
    assert end_sessions_of(day.tina.pk) == 1
    day.advance(minutes=10)
    assert "after the log-in had ended" in kept_for(day, tablet.seal(typed), tablet)


def test_a_log_in_anew_in_the_same_browser_seals_under_a_pass_of_its_own(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    again = tablet.client
    again.force_login(
        Account.objects.get(staff_id=day.tina.pk), backend="registry.staff.backends.CachedBackend"
    )
    again.get(reverse("me"), secure=True)
    assert again.session["author_pass"] != tablet.author_pass
    later = Tablet(day, again, day.tina.pk, "tablet-7", again.session["author_pass"])
    day.advance(minutes=10)
    assert later.send(later.seal(later.typed(*later.triage(visit, weight="61.5")))) == ["saved"]


def test_a_pass_is_over_after_a_shift(day: Day, visit: Visit, tablet: Tablet) -> None:
    typed = tablet.typed(*tablet.triage(visit, weight="61.5"))
    day.advance(hours=13)
    assert "after the log-in had ended" in kept_for(day, tablet.seal(typed), tablet)


def test_a_changed_password_asks_the_author_again(day: Day, visit: Visit, tablet: Tablet) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    Account.objects.filter(staff_id=day.tina.pk).update(stamp="new")
    assert "password was changed" in kept_for(day, item, tablet)


def test_work_of_somebody_who_left_is_neither_trusted_nor_lost(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    Account.objects.filter(staff_id=day.tina.pk).update(is_active=False)
    assert "no longer works here" in kept_for(day, item, tablet)


def test_another_browser_with_the_same_pass_and_label_writes_nothing(
    day: Day, visit: Visit, tablet: Tablet
) -> None:
    """The pass and the label stand on the page; only the secret of the author's browser does not."""
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")))
    thief = Client(headers={HEADER: "tablet-7"})
    thief.cookies[COOKIE] = "tablet-7"
    thief.cookies[BROWSER] = secrets.token_urlsafe(32)
    assert tablet.send(item, client=thief) == ["kept"]
    assert not StageEvent.objects.exists()


def test_without_enrolment_the_authors_browser_writes_while_the_trial_lasts(
    day: Day, visit: Visit, tablet: Tablet, settings: Settings
) -> None:
    first, second = (tablet.seal(tablet.typed(*tablet.triage(visit, weight=one))) for one in ("61", "62"))
    on_the_wifi = tablet.lent_to(on_wifi())
    assert tablet.send(first, client=on_the_wifi) == ["kept"]
    settings.POSTA_TABLETS = "open"
    assert tablet.send(second, client=on_the_wifi) == ["saved"]


def test_what_the_form_refuses_is_kept_as_it_was_typed(day: Day, visit: Visit, tablet: Tablet) -> None:
    item = tablet.seal(tablet.typed(*tablet.triage(visit, weight="heavy", complaint="Tos")))
    assert "another look" in kept_for(day, item, tablet)
    draft = Draft.objects.get()
    assert QueryDict(draft.fields)["weight"] == "heavy"
    assert "csrf" not in draft.fields
    shown = tablet.client.post(draft.address, {"draft": "continue", "draft_id": draft.pk}, secure=True)
    assert shown.status_code == 200
    assert "heavy" in shown.content.decode()


def test_only_forms_that_may_be_kept_are_sent_again(day: Day, visit: Visit, tablet: Tablet) -> None:
    fields = QueryDict(f"save_id={a_save_id(day)}")
    for address in (reverse("visit-close", args=[visit.pk]), "/no/such/page/"):
        assert tablet.send(tablet.seal(tablet.typed(address, fields) | {"id": a_save_id(day)})) == ["kept"]
        fields = QueryDict(f"save_id={a_save_id(day)}")
    assert Visit.objects.count() == 1
    assert {draft.sentence for draft in Draft.objects.all()} == {"This form is not there any more."}


def test_a_role_is_asked_when_it_arrives(day: Day, visit: Visit) -> None:
    tablet = hand(day, day.pia)
    action, posted = hand(day, day.tina).triage(visit, weight="61.5")
    assert tablet.send(tablet.seal(tablet.typed(action, posted))) == ["kept"]
    assert not StageEvent.objects.exists()


def test_a_draft_is_for_its_author_whoever_brings_it(day: Day, visit: Visit, tablet: Tablet) -> None:
    typed = tablet.typed(*tablet.triage(visit, weight="61"))
    assert tablet.send(tablet.seal(typed, "draft")) == ["draft"]
    assert tablet.send(tablet.seal(typed | {"number": 0, "fields": "weight=5"}, "draft")) == [
        "draft"
    ]  # an older one
    draft = Draft.objects.get()
    assert (draft.staff_id, draft.kind) == (day.tina.pk, "typed")
    assert QueryDict(draft.fields)["weight"] == "61"


def test_rubbish_is_refused_whole(day: Day, tablet: Tablet) -> None:
    for body in ("", "{}", "[1]", '[{"id": "x"}]', "[" * 10_000):
        answer = tablet.client.post(
            reverse("tablet-outbox"), body, content_type="application/json", secure=True
        )
        assert answer.status_code == 400
    assert tablet.client.get(reverse("tablet-outbox"), secure=True).status_code == 405


def test_a_pass_says_who_where_and_until_when(day: Day, tablet: Tablet) -> None:
    held = read_pass(tablet.author_pass)
    assert held is not None
    assert (held.staff_id, held.device, held.known, held.active) == (day.tina.pk, "tablet-7", True, True)
    assert held.issued_at == day.now
    assert (held.expires_at - held.issued_at).total_seconds() == 12 * 3600
    assert read_pass("") is None


def test_nothing_of_it_travels(day: Day, visit: Visit, tablet: Tablet) -> None:
    before = Change.objects.exclude(table="openings").count()
    tablet.send(tablet.seal(tablet.typed(*tablet.triage(visit, weight="61.5")), "draft"))
    assert Change.objects.exclude(table="openings").count() == before
    assert current_node().kept["tablet_key"].key_id == TabletKey.objects.get().key_id
