"""Filling in one stage on a tablet.

Lives here: `StagePage`: which form a stage's address means, what it shows, and what becomes of a save – a new
event, or an edit of the one that was shown. Where a form comes back that was saved before and says something
else now, or that a colleague filled in meanwhile, the answers are put beside what is recorded, for the person
to look at; nothing is lost and nothing is replaced unseen. What was begun and not saved is offered again. Not
here: the form (`clinic/forms`), writing
(`services.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clinic.forms.stage_form import StageForm, changed_values
from clinic.forms.values import Stored
from clinic.forms.wording import answer_text
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of, stage_of
from clinic.visits.models import StageEvent, Visit
from clinic.visits.pages import live_answer, ruled_form
from clinic.visits.ruling import Asked
from clinic.visits.selectors import Task, tasks_of
from clinic.visits.services import edit_event, record_event
from clinic.visits.shapes import alerts_of, visit_shape
from registry.answers import answering
from registry.drafts import UnfinishedForm, continued, finished, offered
from registry.people.selectors import person
from registry.people.views import posted_save_id
from registry.staff.policy import check_record
from registry.staff.selectors import author_of, authority_in
from sync.apply import Outcome
from sync.ledger.selectors import was_saved
from sync.problems import Problem


class StagePage:
    """One stage of one visit. Its address names the stage, to fill it in, or an event, to correct it."""

    def __init__(self, request: HttpRequest, visit: Visit, stage_id: str) -> None:
        self.request, self.visit = request, visit
        self.correcting = "-" in stage_id  # ids of events have hyphens, names of stages never do
        self.task = _recorded_task(visit, stage_id) if self.correcting else _asked_task(visit, stage_id)
        with answering():
            here = None if self.correcting else [visit.facility_id]
            check_record(authority_in(request), self.task.stage.station, here)

    def show(self) -> HttpResponse:
        """The form with what is recorded; a stage that is filled in leads to its event."""
        event, draft = self.task.event, offered(self.request)
        if event is not None and not self.correcting and draft is None:
            return redirect("visit-stage", self.visit.pk, event.pk)
        return self._page(self._form(event), event, draft=draft)

    def save(self) -> HttpResponse:
        """Save what was touched; or go on with what was begun."""
        shown = self.task.event if self.correcting else None
        begun = continued(self.request)
        if begun is not None:
            return self._go_on(begun, shown)
        form = self._form(shown, self.request.POST, saving=True)
        try:
            if form.is_valid() and self._says_something(form):
                return self._record(form) if shown is None else self._edit(form, shown)
        except Problem as problem:
            if not problem.fields:
                raise
            _add_problem(form, problem)
        return self._page(form, shown, version=self.request.POST.get("version", ""))

    def live(self) -> HttpResponse:
        """What the rules want of what is typed so far: only the questions that look different now."""
        form = self._form(self.task.event if self.correcting else None, self.request.POST)
        return live_answer(self.request, form)

    def _go_on(self, begun: UnfinishedForm, shown: StageEvent | None) -> HttpResponse:
        """The form as it was left; beside what a colleague wrote, where one filled the stage in meanwhile."""
        form, event = self._form(shown, begun.posted), self.task.event
        if event is not None and shown is None and form.is_valid() and _differing(form, event):
            return self._beside(form, event, begun.posted)
        form.errors.clear()  # nobody has tapped Save: nothing is wrong yet
        return self._page(form, shown, version=begun.version, begun=begun)

    def _says_something(self, form: StageForm) -> bool:
        """A tap on Save by mistake must not look like work done."""
        if self.task.event is None and form.fields and not changed_values(form):
            form.add_error(None, _("Nothing is filled in yet."))
            return False
        return True

    def _record(self, form: StageForm) -> HttpResponse:
        event = self.task.event or self._new_event(form)
        return self._beside(form, event) if _differing(form, event) else self._done("applied")

    def _new_event(self, form: StageForm) -> StageEvent:
        return record_event(
            by=author_of(self.request),
            patient=self.visit.patient,
            facility=self.visit.facility,
            program_version=ProgramVersion.objects.get(pk=self.task.version_id),
            stage=self.task.stage.uid,
            values=changed_values(form),
            visit=self.visit,
            enrollment=self.task.enrollment,
            save_id=posted_save_id(self.request.POST),
        )

    def _edit(self, form: StageForm, event: StageEvent) -> HttpResponse:
        save_id = posted_save_id(self.request.POST)
        if was_saved(save_id) and _differing(form, event):
            return self._beside(form, event)
        outcome = edit_event(
            by=author_of(self.request),
            event=event,
            changes=changed_values(form),
            status=StageEvent.Status.COMPLETED,
            seen=self.request.POST.get("version") or None,
            save_id=save_id,
        )
        return self._done(outcome)

    def _done(self, outcome: Outcome) -> HttpResponse:
        finished(self.request)
        if outcome == "conflicted":
            sentence = _("Saved. A colleague wrote something else: both are kept until somebody decides.")
            messages.warning(self.request, sentence)
        elif outcome == "merged":
            messages.success(self.request, _("Saved, together with what a colleague wrote meanwhile."))
        else:
            messages.success(self.request, _("Saved on the clinic laptop."))
        if "again" in self.request.POST and self.task.stage.repeatable:
            return redirect("visit-stage", self.visit.pk, self.task.stage.uid)
        return redirect("visit", self.visit.pk)

    def _beside(self, form: StageForm, event: StageEvent, posted: QueryDict | None = None) -> HttpResponse:
        """The answers that were sent, each beside what is recorded. Saving again replaces it, seen."""
        differing = _differing(form, event)
        again = self._form(event, _only(posted or self.request.POST, differing, event.values))
        again.is_valid()
        for key in differing:
            element, present = self.task.stage.element(key), event.values.get(key)
            text = answer_text(element, present) or _("no answer")
            again.add_error(key, _("Recorded is: %(text)s. Save again to change it.") % {"text": text})
        return self._page(again, event)

    def _form(
        self, event: StageEvent | None, posted: Mapping[str, Any] | None = None, *, saving: bool = False
    ) -> StageForm:
        values = event.values if event else {}
        return ruled_form(self._asked(event), posted, values, saving=saving)

    def _asked(self, event: StageEvent | None) -> Asked:
        """What the rules of this stage are asked about."""
        return Asked(
            version_id=self.task.version_id,
            stage=self.task.stage,
            patient=self.visit.patient,
            facility=self.visit.facility,
            enrollment=self.task.enrollment,
            event=event,
            staff_id=author_of(self.request).staff_id,
        )

    def _page(
        self,
        form: StageForm,
        event: StageEvent | None,
        version: str | None = None,
        *,
        draft: UnfinishedForm | None = None,
        begun: UnfinishedForm | None = None,
    ) -> HttpResponse:
        """`version` is that of the record the form shows; a form that comes back keeps the one it came
        with. `draft` is offered, `begun` is what is gone on with.
        """
        stage, newest = self.task.stage, event.version if event else ""
        context = {
            "visit": visit_shape(self.visit),
            "person": person(self.visit.patient),
            "alerts": alerts_of(self.visit.patient),
            "stage": {
                "id": event.pk if event else stage.uid,
                "name": str(stage.name),
                "description": str(stage.description),
                "repeatable": stage.repeatable,
            },
            "form": form,
            "version": newest if version is None else version,
            "save_id": begun.save_id if begun else "",
            "draft": draft,
        }
        came_back = form.is_bound and begun is None
        return render(self.request, "visits/stage.html", context, status=422 if came_back else 200)


def _recorded_task(visit: Visit, event_id: str) -> Task:
    """The event to correct, with the stage it was captured under."""
    try:
        events = StageEvent.objects.living().filter(pk=UUID(event_id), patient_id=visit.patient_id)
    except ValueError:
        raise Http404 from None
    event: StageEvent | None = events.first()
    if event is None:
        raise Http404
    version_id = event.program_version_id
    return Task(version_id, definition_of(version_id), stage_of(version_id, event.stage), event)


def _asked_task(visit: Visit, uid: str) -> Task:
    """The stage to fill in: the blank one, where there is one. A rule may have hidden it since the form was
    opened: what was typed there is saved all the same.
    """
    tasks = [task for task in tasks_of(visit, even_hidden=True) if task.stage.uid == uid]
    if not tasks:
        raise Http404
    return next((task for task in tasks if task.event is None), tasks[-1])


def _differing(form: StageForm, event: StageEvent) -> dict[str, Stored | None]:
    """What the form says and the event does not."""
    return {key: answer for key, answer in changed_values(form).items() if event.values.get(key) != answer}


def _only(posted: QueryDict, keys: Mapping[str, Any], values: Mapping[str, Any]) -> QueryDict:
    """Only these questions of a posted form, shown as if they had been answered over what is recorded now."""
    kept = QueryDict(mutable=True)
    for name in posted:
        if not name.startswith("initial-") and name.partition("-")[0] in keys:
            kept.setlist(name, posted.getlist(name))
    for key in keys:
        present = values.get(key)
        kept[f"initial-{key}"] = ",".join(present) if isinstance(present, list) else present or ""
    return kept


def _add_problem(form: StageForm, problem: Problem) -> None:
    for name, sentence in problem.fields.items():
        key = name.removeprefix("values.")
        form.add_error(key if key in form.fields else None, sentence)
