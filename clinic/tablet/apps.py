"""Registers `clinic.tablet`, which keeps unfinished forms from now on."""

from django.apps import AppConfig


class TabletConfig(AppConfig):
    name = "clinic.tablet"
    label = "tablet"
    verbose_name = "Tablets"

    def ready(self) -> None:
        from clinic.tablet import passes  # noqa: F401  it listens for log-outs
        from clinic.tablet.desk import DraftDesk
        from registry.drafts import install, keep_form

        install(DraftDesk())
        for form in ("visit-stage", "register", "patient-edit"):
            keep_form(form)
