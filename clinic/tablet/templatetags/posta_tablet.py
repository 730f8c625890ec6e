"""What a page tells the tablet's scripts.

Lives here: `tablet_facts` (the key to seal to, the pass, who and which tablet). Not here: the scripts
(`static/tablet/`), the words (`templates/tablet/_kept.html`).
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from clinic.tablet.desk import needing_you
from clinic.tablet.passes import pass_for
from clinic.tablet.sealing import present_key, public_text
from registry.staff.devices import device_of
from registry.staff.selectors import account_of
from sync.node import current_node

register = template.Library()


@register.simple_tag(takes_context=True)
def tablet_facts(context: Context) -> dict[str, Any]:
    """Empty at central, where there are no tablets, and on pages that the tablet itself keeps."""
    request = context.get("request")
    if request is None or current_node().is_central or not hasattr(request, "user"):
        return {}
    account, key = account_of(request), present_key()
    return {
        "key": public_text(key),
        "key_id": key.key_id,
        "pass": pass_for(request),
        "author": str(account.staff_id) if account else "",
        "tablet": device_of(request),
        "now": int(current_node().now().timestamp() * 1000),
        "needs_you": needing_you(request),
        "nonce": getattr(request, "csp_nonce", None),
    }
