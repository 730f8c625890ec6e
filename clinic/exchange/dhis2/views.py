"""A page at central that takes programs from a file: first what the file holds, then *Take over*.

Lives here: `programs_import`. Between the two steps the file lies in this node's store of files, sealed as
all of them; one that nobody takes over is swept. Not here: reading and publishing (`services.py`), the list
of what is off afterwards (`clinic/programs/views.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import zstandard
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from clinic.exchange.dhis2.package import MAX_BYTES
from clinic.exchange.dhis2.services import Imported, ProgramFile, counts_of, import_programs, read_programs
from clinic.programs.definition import resolve
from clinic.programs.document import ProgramDocument
from clinic.programs.policy import with_keys
from clinic.programs.rules import compiled
from clinic.programs.wording import fault_words
from registry.answers import answering
from registry.staff.policy import check_see_central
from registry.staff.selectors import author_of, authority_in
from sync.files.store import TooLarge, file_store
from sync.node import current_node
from sync.problems import Problem

LONGEST_NAME: Final = 120


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def programs_import(request: HttpRequest) -> HttpResponse:
    """A file is read and shown; only then is it taken over."""
    with answering():
        check_see_central(authority_in(request))
    if not current_node().is_central:
        raise Problem("only-central", _("The programme office decides this."), status=404)
    context: dict[str, Any] = {"problem": ""}
    if request.method == "POST":
        try:
            if "kept" in request.POST:
                made = import_programs(file=_read_again(request), by=author_of(request))
                messages.success(request, _told(made))
                return redirect("program-rules")
            context |= _preview(*_uploaded(request))
        except Problem as problem:
            context["problem"] = problem.title
    return render(request, "programs/import.html", context, status=422 if context["problem"] else 200)


def _uploaded(request: HttpRequest) -> tuple[ProgramFile, bytes]:
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise _no_file()
    content = file.read(MAX_BYTES + 1)
    return read_programs(content=content, name=str(file.name)[:LONGEST_NAME]), content


def _no_file() -> Problem:
    sentence = _("Choose a file.")
    return Problem("no-file", sentence, fields={"file": sentence})


def _read_again(request: HttpRequest) -> ProgramFile:
    """The file of the first step. It was checked then, and is checked again."""
    digest, store = request.POST["kept"], file_store()
    if not store.has(digest):
        raise _no_file()
    content = zstandard.ZstdDecompressor().decompress(store.content(digest), max_output_size=MAX_BYTES)
    return read_programs(content=content, name=request.POST.get("name", "")[:LONGEST_NAME])


def _preview(file: ProgramFile, content: bytes) -> dict[str, Any]:
    try:
        kept = file_store().put_content(zstandard.ZstdCompressor(level=9).compress(content))
    except TooLarge:
        sentence = _("This file is too large. Choose a smaller one. Nothing else is lost.")
        raise Problem("too-large", sentence) from None
    return {"name": file.name, "kept": kept, "programs": [_shown(one) for one in file.documents]}


def _shown(document: ProgramDocument) -> dict[str, Any]:
    counts = counts_of(document)
    faults = compiled(resolve(with_keys(document))).faults
    return {
        "name": document.name,
        "stages": counts["stages"],
        "questions": counts["data_elements"] + counts["attributes"],
        "rules": counts["rules"],
        "off": [{"name": fault.name, "reason": fault_words(fault)} for fault in faults],
    }


def _told(made: Sequence[Imported]) -> str:
    new = sum(one.created for one in made)
    if not new:
        return _("Everything is there already.")
    said = ngettext("%(n)d program was taken over.", "%(n)d programs were taken over.", new)
    return said % {"n": new}
