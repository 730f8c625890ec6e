"""The template tags of the visual language: icons, states, times, names, fields and hidden save fields.

Lives here: everything that a template of any room writes more than once. Not here: what a page says
(`templates/`), how it looks (`static/css/`), the words about time (`deploy/wording.py`). Read next:
`deploy/components.py`, which shows each of these once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, Widget
from django.forms.widgets import CheckboxSelectMultiple, RadioSelect
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django_htmx.jinja import htmx_script
from heroicons.templatetags.heroicons import heroicon_outline, heroicon_solid

from deploy.guide import help_for
from deploy.wording import day_text, elapsed_text, moment_text
from sync.core.protocol import new_save_id
from sync.node import current_node

register = template.Library()

ICONS: Final[Mapping[str, str]] = {
    "add": "plus",
    "alert": "exclamation-triangle",
    "allergy": "shield-exclamation",
    "back": "chevron-left",
    "board": "view-columns",
    "camera": "camera",
    "central": "server-stack",
    "chart": "chart-bar",
    "check": "check",
    "clock": "clock",
    "close": "x-mark",
    "conflict": "arrows-right-left",
    "count": "calculator",
    "download": "arrow-down-tray",
    "edit": "pencil-square",
    "file": "paper-clip",
    "find": "magnifying-glass",
    "forward": "chevron-right",
    "help": "question-mark-circle",
    "history": "queue-list",
    "home": "home",
    "key": "key",
    "lab": "beaker",
    "language": "language",
    "laptop": "computer-desktop",
    "link-down": "signal-slash",
    "link-up": "signal",
    "lock": "lock-closed",
    "log-out": "arrow-right-start-on-rectangle",
    "more": "chevron-down",
    "number": "identification",
    "people": "users",
    "person": "user",
    "pharmacy": "shopping-bag",
    "phone": "phone",
    "photo": "photo",
    "place": "map-pin",
    "print": "printer",
    "program": "clipboard-document-list",
    "queue": "users",
    "receipt": "document-check",
    "register": "user-plus",
    "referral": "paper-airplane",
    "review": "scale",
    "scan": "qr-code",
    "send": "arrow-right",
    "station": "map-pin",
    "stock": "archive-box",
    "sync": "arrow-path",
    "tablet": "device-tablet",
    "theme": "sun",
    "up": "arrow-up",
    "visit": "clipboard-document-check",
}
STATE_ICONS: Final[Mapping[str, str]] = {
    "done": "check-circle",
    "waiting": "clock",
    "needs-you": "hand-raised",
    "danger": "exclamation-triangle",
}
DIRECTIONAL: Final = frozenset({"back", "forward", "log-out", "send"})
THEMES: Final = ("light", "dark", "contrast")
THEME_COOKIE: Final = "posta_theme"
SCRIPTS: Final = (
    "js/trusted.js",
    "js/page.js",
    "js/theme.js",
    "js/forms.js",
    "js/coded.js",
    "js/status.js",
    "js/live.js",
    "js/pictures.js",
    "js/idle.js",
)

# A name must not be able to turn the sentence around it: marks, embeddings, overrides and isolates go.
_BIDI_CONTROLS: Final = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


@lru_cache(maxsize=128)
def _icon_svg(shape: str, *, solid: bool, directional: bool) -> SafeString:
    classes = "icon icon--directional" if directional else "icon"
    draw = heroicon_solid if solid else heroicon_outline
    attrs: dict[str, object] = {"class": classes, "focusable": "false", "aria_hidden": "true"}
    return mark_safe(draw(shape, size=24, **attrs))  # noqa: S308 - a constant drawing from the icon package


@register.simple_tag
def icon(name: str) -> SafeString:
    """One icon of the closed vocabulary, decorative: the words beside it carry the meaning."""
    if name in STATE_ICONS:
        return _icon_svg(STATE_ICONS[name], solid=True, directional=False)
    return _icon_svg(ICONS[name], solid=False, directional=name in DIRECTIONAL)


def state_words() -> dict[str, str]:
    """The usual word of each state; pages may say something more precise."""
    return {
        "done": pgettext("state", "Done"),
        "waiting": pgettext("state", "Waiting"),
        "needs-you": pgettext("state", "Needs you"),
        "danger": pgettext("state", "Danger"),
    }


@register.simple_tag
def state(name: str, word: str = "", number: int | None = None) -> SafeString:
    """A state badge: colour, icon, word and, where there is one, the number."""
    count = "" if number is None else format_html('<span class="state__number">{}</span> ', number)
    return format_html(
        '<span class="state state--{}">{}<span>{}{}</span></span>',
        name,
        icon(name),
        count,
        word or state_words()[name],
    )


@register.filter
def bdi(name: object) -> SafeString:
    """A person's or place's name, kept apart from the direction of the sentence around it."""
    return format_html("<bdi>{}</bdi>", str(name or "").translate(_BIDI_CONTROLS))


@register.simple_tag
def moment(at: datetime | None, corrected: bool = False) -> SafeString:
    """A point in time in the clinic's time zone: the hour today, with the day before that."""
    if at is None:
        return format_html('<span class="muted">{}</span>', _("never"))
    words = moment_text(at, timezone.now())
    mark = format_html(' <span class="tag">{}</span>', _("clock corrected")) if corrected else ""
    return format_html('<time datetime="{}">{}</time>{}', at.isoformat(), words, mark)


@register.simple_tag
def since(at: datetime | None) -> SafeString:
    """How long ago, in the one or two units that matter."""
    if at is None:
        return format_html('<span class="muted">{}</span>', _("never"))
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), elapsed_text(at, timezone.now()))


@register.simple_tag
def day(on: date | None) -> SafeString:
    """A calendar day."""
    if on is None:
        return mark_safe("")
    return format_html('<time datetime="{}">{}</time>', on.isoformat(), day_text(on, timezone.localdate()))


@register.simple_tag
def theme(context_cookies: Mapping[str, str] | None = None) -> str:
    """The theme this tablet chose, from its cookie; empty = whatever the device prefers."""
    chosen = (context_cookies or {}).get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


@register.simple_tag(takes_context=True)
def scripts(context: Context) -> SafeString:
    """htmx and Posta's own modules, with the page's nonce where the policy has one."""
    request = context.get("request")
    nonce = getattr(request, "csp_nonce", None)
    attribute = format_html(' nonce="{}"', nonce) if nonce else ""
    tags = format_html_join(
        "",
        '<script src="{}" type="module"{}></script>',
        ((static(path), attribute) for path in SCRIPTS),
    )
    return htmx_script(nonce=nonce) + tags


@register.simple_tag(takes_context=True)
def nav_item(context: Context, url_name: str, icon_name: str, word: str) -> SafeString:
    """One entry of the navigation; a door this role does not have is left out."""
    try:
        address = reverse(url_name)
    except NoReverseMatch:
        return mark_safe("")
    match = getattr(context.get("request"), "resolver_match", None)
    current = mark_safe(' aria-current="page"') if match and match.url_name == url_name else ""
    return format_html(
        '<li><a class="nav__link" href="{}"{}>{}<span>{}</span></a></li>',
        address,
        current,
        icon(icon_name),
        word,
    )


@register.simple_tag(takes_context=True)
def help_address(context: Context) -> str:
    """Where the guide explains this page; empty on a node without the guide's door."""
    match = getattr(context.get("request"), "resolver_match", None)
    try:
        return help_for(match.url_name if match else None)
    except NoReverseMatch:
        return ""


@register.simple_tag
def save_fields(version: str | None = None, save_id: str = "") -> SafeString:
    """The hidden fields every writing form carries: a fresh save id (or that of a draft that is gone on with)
    and the version that was shown.
    """
    node = current_node()
    minted = save_id or new_save_id(int(node.now().timestamp() * 1000), node.rng)
    fields = format_html('<input type="hidden" name="save_id" value="{}">', minted)
    if version:
        fields += format_html('<input type="hidden" name="version" value="{}">', version)
    return fields


def _kind(widget: Widget) -> str:
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return "choices"
    return "tick" if isinstance(widget, CheckboxInput) else "line"


@register.inclusion_tag("ui/field.html")
def field(
    bound: BoundField, label: str = "", hint: str = "", unit: str = "", size: str = "", optional: bool = True
) -> dict[str, Any]:
    """A form field with label, hint, error and, if the form asks for it, the value it was shown with."""
    kind = _kind(bound.field.widget)
    if hint:
        bound.help_text = hint  # Django ties the input to its hint by this
    # A list of choices is printed piece by piece, and Django adds the initial value only to the whole.
    beside = kind == "choices" and bound.field.show_hidden_initial
    return {
        "field": bound,
        "kind": kind,
        "shown_with": bound.as_hidden(only_initial=True) if beside else "",
        "label": label or bound.label,
        "hint": bound.help_text,
        "hint_id": f"{bound.auto_id}_helptext",
        "unit": unit,
        "size": size,
        "show_optional": optional and not bound.field.required,
    }


def _problems(form: BaseForm) -> Iterator[dict[str, str]]:
    for message in form.non_field_errors():
        yield {"target": "", "message": str(message)}
    for bound in form:
        for message in bound.errors:
            first_choice = "_0" if _kind(bound.field.widget) == "choices" else ""
            yield {"target": f"{bound.auto_id}{first_choice}", "message": f"{bound.label}: {message}"}


@register.inclusion_tag("ui/error_summary.html")
def error_summary(form: BaseForm | None, more: Any = None, quiet: bool = False) -> dict[str, Any]:
    """What is wrong with a form (and with the rows of a formset), each line a link to its field."""
    problems = list(_problems(form)) if form is not None else []
    for row in more or ():
        problems += _problems(row)
    return {"problems": problems, "quiet": quiet}
