"""The office's pages about staff: who works where as what, and the table of who may do what.

Lives here: those pages. The programme office changes them at central; a coordinator reads, at central and at
the clinic, who works at their places; everybody with a role reads the table of rights. Not here: what a role
allows (`policy.py`), the table (`rights.py`), writing (`services.py`), helping whoever cannot get in
(`helping.py`).
Read next: `tests/registry/staff/test_office.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry.places.models import Facility
from registry.staff.breakglass import nodes_of
from registry.staff.models import StaffMember, StaffRole
from registry.staff.newcomers import waiting
from registry.staff.office_forms import NewMemberForm, PasswordForm, QuestionForm, RoleForm, add_problem
from registry.staff.policy import Authority, Role, can_manage_staff, can_see_patients
from registry.staff.rights import ROLES, table
from registry.staff.selectors import author_of, authority_in
from registry.staff.services import add_staff, end_role, end_staff, give_role, set_password
from sync.asking import save_id_of
from sync.node import current_node
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody holds."""

    id: UUID
    word: str
    place: str


def may_read(who: Authority) -> bool:
    """Who reads the list of staff."""
    return who.holds({Role.COORDINATOR, Role.CENTRAL_ADMIN})


def _may_change(who: Authority) -> bool:
    return current_node().is_central and can_manage_staff(who)


def _readable(who: Authority) -> QuerySet[Any]:
    """The staff that somebody may read about: the office all, a coordinator those of their places."""
    rows = StaffMember.objects.living()
    if can_manage_staff(who):
        return rows
    theirs = [at for role, at in who.grants if role is Role.COORDINATOR]
    if None in theirs:
        return rows
    held = StaffRole.objects.living().filter(Q(facility__in=theirs) | Q(facility=None))
    return rows.filter(pk__in=held.values("staff_id"))


def _reader(request: HttpRequest) -> Authority:
    who = authority_in(request)
    if not may_read(who):
        raise PermissionDenied
    return who


def changer(request: HttpRequest) -> Authority:
    """The programme office, at central. Elsewhere there is no such page."""
    who = authority_in(request)
    if not can_manage_staff(who):
        raise PermissionDenied
    if not current_node().is_central:
        raise Problem("only-central", _("Only central can change staff."), status=404)
    return who


def member_named(who: Authority, staff_id: UUID) -> StaffMember:
    """A colleague that this reader may read about."""
    found: StaffMember | None = _readable(who).filter(pk=staff_id).first()
    if found is None:
        raise Http404
    return found


def colleague(request: HttpRequest, staff_id: UUID) -> StaffMember:
    """Whom a person of the office does something to that nobody does to themselves."""
    who = changer(request)
    shown = member_named(who, staff_id)
    if shown.pk == who.staff_id:
        raise Problem("not-yourself", _("A colleague must do this."), status=409)
    return shown


def _held_by(members: list[StaffMember]) -> dict[UUID, list[Held]]:
    rows = StaffRole.objects.living().filter(staff__in=members).select_related("facility")
    held: dict[UUID, list[Held]] = {}
    for row in rows.order_by("role", "facility__name", "id"):
        place = row.facility.name if row.facility else _("All places")
        held.setdefault(row.staff_id, []).append(Held(row.pk, str(row.get_role_display()), place))
    return held


# --- reading ----------------------------------------------------------------------------------------------


@require_safe
@login_required
def staff_list(request: HttpRequest) -> HttpResponse:
    """Who works where as what."""
    return _list_page(request, _reader(request), None)


def _list_page(request: HttpRequest, who: Authority, form: forms.Form | None) -> HttpResponse:
    members = list(_readable(who).order_by("-active", "full_name", "username"))
    held = _held_by(members)
    context = {
        "members": [
            {"id": one.pk, "name": str(one), "username": one.username, "active": one.active}
            | {"roles": held.get(one.pk, [])}
            for one in members
        ],
        "form": form or (NewMemberForm() if _may_change(who) else None),
        "may_change": _may_change(who),
        "waiting": waiting().count() if _may_change(who) else 0,
    }
    return render(request, "staff/office_list.html", context, status=422 if form else 200)


@require_safe
@login_required
def rights_table(request: HttpRequest) -> HttpResponse:
    """Who may do what: made from the policies themselves."""
    if not can_see_patients(authority_in(request)):
        raise PermissionDenied
    words = dict(StaffRole.Kind.choices)
    context = {"roles": [words[role.value] for role in ROLES], "chapters": table()}
    return render(request, "staff/office_rights.html", context)


@require_safe
@login_required
def member(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """One colleague: roles, and at central what can be done about them."""
    who = _reader(request)
    return member_page(request, who, member_named(who, staff_id))


def member_page(
    request: HttpRequest,
    who: Authority,
    shown: StaffMember,
    *,
    role_form: RoleForm | None = None,
    password_form: PasswordForm | None = None,
    question_form: QuestionForm | None = None,
) -> HttpResponse:
    """The page; with a form that was not right it says so."""
    change = _may_change(who) and shown.active
    context = {
        "member": shown,
        "name": str(shown),
        "roles": _held_by([shown]).get(shown.pk, []),
        "may_change": change,
        "is_self": shown.pk == who.staff_id,
        "role_form": role_form or RoleForm(auto_id="id_role_%s"),
        "password_form": password_form or PasswordForm(auto_id="id_password_%s"),
        "question_form": question_form
        or (QuestionForm(nodes=nodes_of(shown), auto_id="id_code_%s") if change else None),
    }
    wrong = bool(role_form or password_form or question_form)
    return render(request, "staff/office_member.html", context, status=422 if wrong else 200)


# --- changing, at central ---------------------------------------------------------------------------------


@require_http_methods(["POST"])
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """A new member of staff, with a first role and a password."""
    who, form = changer(request), NewMemberForm(request.POST)
    if not form.is_valid():
        return _list_page(request, who, form)
    said = form.cleaned_data
    try:
        made = add_staff(
            by=author_of(request),
            username=said["username"],
            full_name=said["full_name"],
            language=said["language"],
            grants=[form.grant()],
            password=said["password"],
            save_id=save_id_of(request),
        )
    except Problem as problem:
        add_problem(form, problem)
        return _list_page(request, who, form)
    messages.success(request, _("Added: %(name)s") % {"name": str(made)})
    return redirect("staff-member", made.pk)


@require_POST
@login_required
def give(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """One more role."""
    who = changer(request)
    shown, form = member_named(who, staff_id), RoleForm(request.POST, auto_id="id_role_%s")
    if not form.is_valid():
        return member_page(request, who, shown, role_form=form)
    role, facility = form.grant()
    give_role(by=author_of(request), staff=shown, role=role, facility=facility, save_id=save_id_of(request))
    messages.success(request, _("The role is given."))
    return redirect("staff-member", shown.pk)


@require_POST
@login_required
def end_one_role(request: HttpRequest, staff_id: UUID, role_id: UUID) -> HttpResponse:
    """A role no longer held. Nobody takes the office away from themselves: somebody must be left to give
    it.
    """
    who = changer(request)
    shown = member_named(who, staff_id)
    row = StaffRole.objects.filter(pk=role_id, staff=shown).first()
    if row is None:
        raise Http404
    if shown.pk == who.staff_id and row.role == Role.CENTRAL_ADMIN:
        raise Problem("not-yourself", _("A colleague must end this role of yours."), status=409)
    facility = Facility.objects.filter(pk=row.facility_id).first() if row.facility_id else None
    if not row.gone:
        end_role(
            by=author_of(request),
            staff=shown,
            role=row.role,
            facility=facility,
            save_id=save_id_of(request),
        )
    messages.success(request, _("The role has ended."))
    return redirect("staff-member", shown.pk)


@require_POST
@login_required
def new_password(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """A password for somebody who forgot theirs. Their sessions end."""
    who = changer(request)
    shown, form = member_named(who, staff_id), PasswordForm(request.POST, auto_id="id_password_%s")
    if form.is_valid():
        try:
            set_password(
                by=author_of(request),
                staff=shown,
                password=form.cleaned_data["password"],
                save_id=save_id_of(request),
            )
        except Problem as problem:
            add_problem(form, problem)
    if form.errors:
        return member_page(request, who, shown, password_form=form)
    messages.success(request, _("The password is set. Clinics learn of it at their next sync."))
    return redirect("staff-member", shown.pk)


@require_POST
@login_required
def end(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """The person leaves."""
    shown = colleague(request, staff_id)
    end_staff(by=author_of(request), staff=shown, save_id=save_id_of(request))
    messages.success(request, _("They can no longer log in here. Clinics learn of it at their next sync."))
    return redirect("staff-member", shown.pk)
