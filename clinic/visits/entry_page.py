"""The page of what a program asks about a person: when they are enrolled, and corrected afterwards.

Lives here: `EntryPage`: the days, the questions with their rules, what the person's own record answers
already, and what becomes of a save. Where a colleague enrolled the person meanwhile, or a form comes back
that was saved before, the answers stand beside what is recorded. Not here: the questions (`known.py`),
judging the answers (`entering.py`), writing (`following.py`), a stage (`stage_page.py`).
Read next: `templates/visits/enroll.html`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.forms.stage_form import StageForm, changed_values
from clinic.forms.views import PERSON_PREFIX
from clinic.forms.wording import answer_text
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of
from clinic.visits import following
from clinic.visits.entering import BELONGS_THERE
from clinic.visits.known import lacking, told_facts
from clinic.visits.models import Enrollment
from clinic.visits.pages import live_answer, place_of_work, ruled_form
from clinic.visits.ruling import Entering
from clinic.visits.selectors import enrollment_in
from clinic.visits.shapes import alerts_of
from registry.people.models import Patient
from registry.people.selectors import person, today
from registry.people.views import posted_save_id
from registry.staff.selectors import author_of, authority_in
from sync.ledger.selectors import was_saved
from sync.problems import Problem

_DAYS: Final = ("incident_on", "enrolled_on")


class EntryPage:
    """One person and one program; with an enrollment that is corrected, else one that is to be made.
    `present` are the answers that are recorded.
    """

    def __init__(
        self,
        request: HttpRequest,
        patient: Patient,
        version: ProgramVersion,
        enrollment: Enrollment | None = None,
        present: Mapping[str, Any] | None = None,
    ) -> None:
        self.request, self.patient, self.version = request, patient, version
        self.row, self.present = enrollment, present or {}
        self.program = definition_of(version.pk)
        self.wrong: dict[str, str] = {}

    @property
    def asks(self) -> bool:
        """Whether there is anything to ask before the person is enrolled."""
        known = self.program.incident == "birth" and self.patient.birth_date is not None
        incident = bool(self.program.incident_label) and not known
        return incident or bool(self._entering().stage.elements) or bool(lacking(self.program, self.patient))

    def show(self) -> HttpResponse:
        """The form with what is recorded. What the person's own page lacks is said before anybody types."""
        if self.row is None:
            keys = lacking(self.program, self.patient)
            self.wrong = {f"known.{key}": str(BELONGS_THERE) for key in keys}
        return self._page(self._form())

    def live(self) -> HttpResponse:
        """What the rules want of what is typed so far."""
        return live_answer(self.request, self._form(self.request.POST))

    def save(self) -> HttpResponse:
        """Enroll the person, or correct what was answered."""
        form = self._form(self.request.POST, saving=True)
        try:
            if form.is_valid():
                return self._enrol(form) if self.row is None else self._correct(form, self.row)
        except Problem as problem:
            if not problem.fields:
                raise
            self._add_problem(form, problem)
        return self._page(form, version=self.request.POST.get("version"))

    def _enrol(self, form: StageForm) -> HttpResponse:
        save_id, answers = posted_save_id(self.request.POST), changed_values(form)
        before = enrollment_in(self.patient, self.version.program_id)
        if before is not None and any(before.values.get(key) != said for key, said in answers.items()):
            sentence = _("This person is in the program already. Look at both answers.")
            return self._of(before)._beside(answers, sentence)
        following.enrol(
            by=author_of(self.request),
            patient=self.patient,
            program_version=self.version,
            facility=place_of_work(authority_in(self.request)),
            enrolled_on=self._day("enrolled_on"),
            incident_on=self._day("incident_on"),
            values=answers,
            save_id=save_id,
        )
        messages.success(self.request, _("Added to the program. Saved on the clinic laptop."))
        return redirect("patient", self.patient.pk)

    def _correct(self, form: StageForm, row: Enrollment) -> HttpResponse:
        save_id, answers = posted_save_id(self.request.POST), changed_values(form)
        if was_saved(save_id) and any(row.values.get(key) != said for key, said in answers.items()):
            return self._beside(answers, _("This was saved before, and says something else now."))
        outcome = following.edit_enrollment(
            by=author_of(self.request),
            enrollment=row,
            changes={},
            values=answers,
            seen=self.request.POST.get("version") or None,
            save_id=save_id,
        )
        if outcome == "conflicted":
            sentence = _("Saved. A colleague wrote something else: both are kept until somebody decides.")
            messages.warning(self.request, sentence)
        elif outcome == "merged":
            messages.success(self.request, _("Saved, together with what a colleague wrote meanwhile."))
        else:
            messages.success(self.request, _("Saved on the clinic laptop."))
        return redirect("enrollment", row.pk)

    def _of(self, row: Enrollment) -> EntryPage:
        """The page of an enrollment that is there already."""
        return EntryPage(self.request, self.patient, row.program_version, row, row.values)

    def _beside(self, answers: Mapping[str, Any], sentence: str) -> HttpResponse:
        """The answers that were sent, each beside what is recorded. Saving again replaces it, seen."""
        messages.warning(self.request, sentence)
        differing = [key for key, said in answers.items() if self.present.get(key) != said]
        form = self._form(_over(self.request.POST, self.present))
        form.is_valid()
        for key in differing:
            element = self._entering().stage.element(key)
            if element is not None:
                text = answer_text(element, self.present.get(key)) or _("no answer")
                form.add_error(key, _("Recorded is: %(text)s. Save again to change it.") % {"text": text})
        return self._page(form)

    def _day(self, name: str) -> date | None:
        """A day as the page posts it; None where it is left empty."""
        text = self.request.POST.get(name, "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            sentence = _("This is not a date.")
            raise Problem("not-a-date", sentence, fields={name: sentence}) from None

    def _day_said(self, name: str) -> date | None:
        """The same for rules, which may be asked before anything is right."""
        try:
            return self._day(name)
        except Problem:
            return None

    def _entering(self) -> Entering:
        row, who = self.row, authority_in(self.request)
        return Entering(
            version_id=self.version.pk,
            patient=self.patient,
            facility=row.facility if row else place_of_work(who),
            enrolled_on=row.enrolled_on if row else self._day_said("enrolled_on") or today(),
            incident_on=row.incident_on if row else self._day_said("incident_on"),
            enrollment=row,
            staff_id=who.staff_id,
        )

    def _form(self, posted: Mapping[str, Any] | None = None, *, saving: bool = False) -> StageForm:
        return ruled_form(self._entering(), posted, self.present, saving=saving)

    def _add_problem(self, form: StageForm, problem: Problem) -> None:
        for name, sentence in problem.fields.items():
            key = name.removeprefix("values.")
            if name in _DAYS or name.startswith("known."):
                self.wrong[name] = sentence
            else:
                form.add_error(key if key in form.fields else None, sentence)

    def _page(self, form: StageForm, version: str | None = None) -> HttpResponse:
        """`version` is that of the record the form shows; a form that comes back keeps the one it came
        with.
        """
        row = self.row
        newest, facts = row.version if row else "", self._facts()
        labels = self._labels() | {f"known.{fact['key']}": fact["label"] for fact in facts}
        form.beside = [
            {"target": name.replace(".", "-"), "message": f"{labels[name]}: {sentence}"}
            for name, sentence in self.wrong.items()
        ]
        address = reverse("enrollment-answers", args=[row.pk]) if row else ""
        context = {
            "person": person(self.patient),
            "alerts": alerts_of(self.patient),
            "program": str(self.program.name),
            "program_id": self.version.program_id,
            "enrollment_id": row.pk if row else None,
            "address": address or reverse("enroll", args=[self.patient.pk]),
            "days": [] if row else self._days(),
            "facts": facts,
            "lacks": any(fact["error"] for fact in facts),
            "form": form,
            "version": newest if version is None else version,
            "today": today().isoformat(),
        }
        return render(self.request, "visits/enroll.html", context, status=422 if form.is_bound else 200)

    def _labels(self) -> dict[str, str]:
        return {
            "incident_on": str(self.program.incident_label),
            "enrolled_on": str(self.program.enrollment_label) or _("Enrolled on"),
        }

    def _days(self) -> list[dict[str, str]]:
        """The days to ask for, as they were typed."""
        asked = [name for name in _DAYS if name != "incident_on" or self.program.incident_label]
        given = {"enrolled_on": today().isoformat()}
        if self.program.incident == "birth" and self.patient.birth_date:
            given["incident_on"] = self.patient.birth_date.isoformat()
        return [
            {
                "name": name,
                "label": self._labels()[name],
                "value": self.request.POST.get(name, given.get(name, "")),
                "error": self.wrong.get(name, ""),
            }
            for name in asked
        ]

    def _facts(self) -> list[dict[str, str]]:
        """What the person's own record answers."""
        return [
            {
                "key": fact.key,
                "label": fact.label,
                "text": fact.text,
                "error": self.wrong.get(f"known.{fact.key}", ""),
            }
            for fact in told_facts(self.program, self.patient)
        ]


def _over(posted: QueryDict, present: Mapping[str, Any]) -> QueryDict:
    """A posted form as if it had been opened over what is recorded now."""
    kept = posted.copy()
    for name in [name for name in kept if name.startswith(f"initial-{PERSON_PREFIX}-")]:
        now = present.get(name.removeprefix(f"initial-{PERSON_PREFIX}-"))
        kept[name] = ",".join(now) if isinstance(now, list) else now or ""
    return kept
