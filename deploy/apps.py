"""Registers `deploy` as an app, for the commands that need every room, and offers the pages of sync."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeployConfig(AppConfig):
    name = "deploy"
    label = "deploy"
    verbose_name = "Running a node"

    def ready(self) -> None:
        import_module("deploy.celery")  # so that a page's task goes to this node's broker
        self._offer_pages_of_sync()

    def _offer_pages_of_sync(self) -> None:
        """Sync sits below the navigation and cannot offer its pages itself."""
        from registry.panels import offer_page
        from registry.staff.policy import Role, can_resolve, can_see_central

        first = (Role.COORDINATOR,)
        offer_page("central-nodes", "laptop", _("Clinics"), order=20, may=can_see_central, roles=("central",))
        offer_page("review", "review", _("Review"), order=70, may=can_resolve, first_for=first)
        offer_page("sync-status", "sync", _("Sync"), order=80, roles=("clinic",), first_for=first)
