"""The pages on which people decide.

Lives here: the list, one conflict, one save that was set aside, and what they post. What is of somebody
else's patient and what there is not are answered alike; only whoever was shown a question hears that it is
settled. Not here: what is shown (`selectors.py`, `aside.py`), what a decision does (`services.py`), programs
(`api.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from sync.asking import door, may, page, save_id_of
from sync.core.merge import GONE
from sync.ended import ENDED
from sync.node import current_node
from sync.problems import Problem
from sync.review.aside import asides_shown, same_author, scopes_of, subjects_here
from sync.review.models import Aside, Conflict
from sync.review.selectors import ConflictShown, conflict_shown, conflicts_shown
from sync.review.services import LONGEST_NOTE, Choice, reject, release, resolve, settle_all
from sync.review.wording import choices_of, value_typed
from sync.tables import table_named

OTHER = "other"
MOST_REMEMBERED: Final = 200
_SHOWN: Final = "review_shown"


class DecisionForm(forms.Form):
    """Which value is right, and why."""

    choose = forms.CharField(error_messages={"required": gettext_lazy("Choose one of the values.")})
    value = forms.CharField(required=False)
    note = forms.CharField(
        required=False, max_length=LONGEST_NOTE, widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"})
    )

    def clean(self) -> dict[str, Any] | None:
        said = super().clean()
        if said and said.get("choose") == OTHER and not said.get("value"):
            self.add_error("value", _("Write the right value."))
        return said


def visible(request: HttpRequest, scopes: dict[int, UUID | None]) -> tuple[set[int], dict[UUID, Any]]:
    """Of items with a scope key: which ones the asker may see, and the people to print beside them."""
    people = dict(door().subjects(request, {key for key in scopes.values() if key is not None}))
    return {item for item, key in scopes.items() if key is None or key in people}, people


def visible_asides(request: HttpRequest, asides: Sequence[Aside]) -> tuple[set[int], dict[UUID, Any]]:
    """The same for saves set aside. Where the save is the first that this database hears of somebody,
    nobody can say whose patient that is: such a save is for those who see every clinic.
    """
    scopes = scopes_of(asides)
    may_see, people = visible(request, scopes)
    keys = {key for key in scopes.values() if key is not None}
    unheard_of = keys - subjects_here(keys)
    if unheard_of and may(request, "enrol"):
        may_see |= {item for item, key in scopes.items() if key in unheard_of}
    return may_see, people


@require_GET
@page("see")
def review(request: HttpRequest) -> HttpResponse:
    """Everything that needs a person."""
    conflicts, asides = (
        list(Conflict.objects.order_by("since", "pk")),
        list(Aside.objects.order_by("since", "pk")),
    )
    seen, people = visible(request, {one.pk: one.scope for one in conflicts})
    _remember(request, (one for one in conflicts if one.pk in seen))
    seen_asides, their_people = visible_asides(request, asides)
    shown = asides_shown((one for one in asides if one.pk in seen_asides), their_people)
    context = {
        "conflicts": conflicts_shown((one for one in conflicts if one.pk in seen), people),
        "quarantined": [one for one in shown if one.state == Aside.State.QUARANTINED],
        "held": [one for one in shown if one.state == Aside.State.HELD],
    }
    return render(request, "review/list.html", context)


@require_http_methods(["GET", "POST"])
@page("resolve")
def conflict(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """One question: GET shows the values, POST settles it."""
    row = Conflict.objects.filter(pk=conflict_id).first()
    if row is None and _was_shown(request, conflict_id):
        messages.info(request, _("This question is settled already."))
        return redirect("review")
    may_see, people = visible(request, {} if row is None else {row.pk: row.scope})
    shown = conflict_shown(row, people) if row is not None and row.pk in may_see else None
    if row is None or shown is None:
        raise _not_found()
    _remember(request, [row])
    form = _form(row, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _settle(request, row, form):
        return redirect("review")
    return _conflict_page(request, shown, form)


def _remember(request: HttpRequest, conflicts: Iterable[Conflict]) -> None:
    """What this log-in was shown, and whose it is. Of a settled question nothing is left to tell that by."""
    known = request.session.get(_SHOWN, {})
    fresh = {str(one.pk): str(one.scope or "") for one in islice(conflicts, MOST_REMEMBERED)}
    if not fresh.items() <= known.items():
        request.session[_SHOWN] = dict([*(known | fresh).items()][-MOST_REMEMBERED:])


def _was_shown(request: HttpRequest, conflict_id: int) -> bool:
    """Whether they saw this question, and still look after that patient."""
    scope = request.session.get(_SHOWN, {}).get(str(conflict_id))
    if scope is None:
        return False
    return conflict_id in visible(request, {conflict_id: UUID(scope) if scope else None})[0]


def _not_found() -> Problem:
    """Somebody else's, and none: whoever asks must not hear which."""
    return Problem(
        "not-found",
        _("There is no such record here."),
        detail=_("Perhaps a colleague has decided already."),
        status=404,
    )


def _form(row: Conflict, posted: Any) -> DecisionForm:
    form = DecisionForm(posted)
    if row.field == GONE or _is_unknown(row):
        del form.fields["value"]  # there is nothing else to write
        return form
    table = table_named(row.table)
    if table is not None and (choices := choices_of(table, row.field)):
        form.fields["value"].widget = forms.Select(choices=[("", "–"), *choices])
    return form


def _is_unknown(row: Conflict) -> bool:
    table = table_named(row.table)
    return table is None or table.column_of(row.field) is None


def _settle(request: HttpRequest, row: Conflict, form: DecisionForm) -> bool:
    said = form.cleaned_data
    other = said["choose"] == OTHER
    try:
        outcome = resolve(
            by=door().author(request),
            conflict=row,
            choose=Choice(value=_typed(row, said.get("value"))) if other else Choice(version=said["choose"]),
            note=said["note"],
            seen=request.POST.get("version") or None,
            save_id=save_id_of(request),
        )
    except Problem as problem:
        if not set(problem.fields) & {"choose", "value", "note", row.field}:
            raise
        for name, sentence in problem.fields.items():
            form.add_error("value" if other else name if name in form.fields else "choose", sentence)
        return False
    if outcome == "conflicted":
        messages.warning(request, _("Saved. Somebody wrote another value meanwhile: look again."))
    else:
        messages.success(request, _("Decided. All values stay in the history."))
    return True


def _typed(row: Conflict, text: str | None) -> Any:
    table = table_named(row.table)
    record = table.model.objects.filter(pk=row.record_id).first() if table else None
    return (
        text if table is None or record is None or not text else value_typed(table, record, row.field, text)
    )


def _conflict_page(request: HttpRequest, shown: ConflictShown, form: DecisionForm) -> HttpResponse:
    context = {"conflict": shown, "form": form, "version": shown.version}
    return render(request, "review/conflict.html", context, status=400 if form.errors else 200)


def _visible_aside(request: HttpRequest, aside_id: int) -> tuple[Aside, dict[UUID, Any]]:
    aside = Aside.objects.filter(pk=aside_id).first()
    may_see, people = visible_asides(request, [] if aside is None else [aside])
    if aside is None or aside.pk not in may_see:
        raise _not_found()
    return aside, people


@require_GET
@page("see")
def quarantine(request: HttpRequest, aside_id: int) -> HttpResponse:
    """One save that was set aside."""
    aside, people = _visible_aside(request, aside_id)
    (item,) = asides_shown([aside], people)
    alike = same_author(aside) if item.is_after_end else []
    context = {
        "item": item,
        "version": "",
        "decides": current_node().is_central and may(request, "resolve"),
        "alike": len(visible_asides(request, alike)[0]),
    }
    return render(request, "review/quarantine.html", context)


@require_POST
@page("resolve")
def release_aside(request: HttpRequest, aside_id: int) -> HttpResponse:
    """It is right: judge it again."""
    aside, _people = _visible_aside(request, aside_id)
    if _means_all(request, aside):
        return _settle_all(request, aside, use=True)
    note, save_id = request.POST.get("note", ""), save_id_of(request)
    if release(by=door().author(request), aside=aside, note=note, save_id=save_id):
        messages.success(request, _("It went through, and what waited for it goes on."))
        return redirect("review")
    messages.warning(request, _("Central has the same question again."))
    return redirect("review-quarantine", aside.pk)


@require_POST
@page("resolve")
def reject_aside(request: HttpRequest, aside_id: int) -> HttpResponse:
    """It is wrong: do not use it."""
    aside, _people = _visible_aside(request, aside_id)
    if _means_all(request, aside):
        return _settle_all(request, aside, use=False)
    reject(
        by=door().author(request),
        aside=aside,
        note=request.POST.get("note", ""),
        save_id=save_id_of(request),
    )
    messages.success(request, _("It is not used. It stays in the history."))
    return redirect("review")


def _means_all(request: HttpRequest, aside: Aside) -> bool:
    return aside.code == ENDED and bool(request.POST.get("all"))


def _settle_all(request: HttpRequest, aside: Aside, *, use: bool) -> HttpResponse:
    """The same for everything that this person wrote after their work had ended."""
    done = settle_all(
        by=door().author(request),
        like=aside,
        use=use,
        note=request.POST.get("note", ""),
        may_see=lambda asides: visible_asides(request, asides)[0],
    )
    said = (
        ngettext("%(n)d save is used now.", "%(n)d saves are used now.", done)
        if use
        else ngettext("%(n)d save is not used.", "%(n)d saves are not used.", done)
    )
    messages.success(request, said % {"n": done})
    if visible_asides(request, same_author(aside))[0]:
        messages.warning(request, _("Some are left. Look at them again."))
    return redirect("review")
