"""What reports put on pages that are not their own: the charts on the patient's page.

Not here: the seams (`registry/panels.py`), the numbers (`measures.py`).
"""

from __future__ import annotations

from django.http import HttpRequest

from clinic.reports.patient import charts_of
from registry.panels import Panel
from registry.people.models import Patient


def patient_charts(request: HttpRequest, patient: Patient) -> Panel:
    """Growth of a child, and the usual vital signs, as far as they were measured."""
    charts = charts_of(patient)
    return Panel("reports/_patient.html", {"charts": charts, "patient": patient.pk})
