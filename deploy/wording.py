"""Words for points in time, as short as a queue needs them.

Lives here: functions from (a time, the present) to text in the active language. Not here: markup
(`deploy/templatetags/posta_ui.py`). Read next: `tests/deploy/test_components.py`, which shows what each says.
"""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def day_text(on: date, today: date) -> str:
    """ "20 Nov", with the year when it is another one."""
    return date_format(on, "j M" if on.year == today.year else "j M Y")


def moment_text(at: datetime, now: datetime) -> str:
    """ "10:42" today, "20 Nov 10:42" on another day."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    hour = date_format(local, "H:i")
    if local.date() == today:
        return hour
    return _("%(day)s, %(hour)s") % {"day": day_text(local.date(), today), "hour": hour}


def elapsed_text(at: datetime, now: datetime) -> str:
    """ "12 min", "2 h 5 min", "3 days"; a time that lies ahead counts as now."""
    minutes = max(int((now - at).total_seconds()) // 60, 0)
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
    return ngettext("%(days)d day", "%(days)d days", hours // 24) % {"days": hours // 24}
