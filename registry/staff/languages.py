"""The language that somebody reads: their own choice, else what the programme office wrote down.

Lives here: `language_of`, `choose_language` and `speak`, which tells it to the browser. The choice is kept in
this database and holds on every tablet of it; chosen at central, it becomes what the clinics start from. Not
here: the words (`deploy/locale`), the language of forms (`clinic/programs`).
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from registry.staff.models import Account, StaffMember
from sync.ledger.recording import Author, recording
from sync.node import current_node
from sync.problems import Problem


def language_of(account: Account) -> str:
    """What to speak to this person; English for a language that this version does not know."""
    listed = StaffMember.objects.filter(pk=account.staff_id).values_list("language", flat=True).first()
    known = [code for code in (account.language, listed or "") if code in dict(settings.LANGUAGES)]
    return known[0] if known else settings.LANGUAGE_CODE


def choose_language(*, by: Author, account: Account, language: str) -> None:
    """The person's own choice. Choosing it again changes nothing."""
    if language not in dict(settings.LANGUAGES):
        raise Problem("unknown-language", _("There is no such language."), fields={"language": language})
    Account.objects.filter(pk=account.pk).update(language=language)
    account.language = language
    member = StaffMember.objects.filter(pk=account.staff_id).first()
    if current_node().is_central and member is not None and member.language != language:
        with recording(by=by) as save:
            save.edit(member, {"language": language})


def speak(response: HttpResponse, language: str) -> None:
    """The answer's browser asks in this language from now on."""
    name, secure = settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_COOKIE_SECURE
    response.set_cookie(name, language, secure=secure, samesite="Lax")
