"""What reports put on pages that are not their own: the charts on the patient's page.

Not here: the seams (`registry/panels.py`), the numbers (`measures.py`).
"""

from __future__ import annotations

from django.http import HttpRequest

from clinic.reports.patient import panel_charts
from registry.panels import Panel
from registry.people.models import Patient


def patient_charts(request: HttpRequest, patient: Patient) -> Panel | None:
    """Growth of a child, and the usual vital signs, where something was measured twice."""
    shown, choices = panel_charts(patient)
    if not shown and not choices:
        return None
    return Panel("reports/_patient.html", {"charts": shown, "choices": choices, "patient": patient.pk})
