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
        self._offer_rights()

    def _offer_pages_of_sync(self) -> None:
        """Sync sits below the navigation and cannot offer its pages itself."""
        from deploy.laptop_pages import may_look_after_laptop
        from registry.panels import offer_page
        from registry.staff.log_ins import may_see as may_see_log_ins
        from registry.staff.policy import Role, can_resolve, can_see_central
        from registry.staff.session_views import may_look_after_team

        first = (Role.COORDINATOR,)
        offer_page("central-nodes", "laptop", _("Clinics"), order=20, may=can_see_central, roles=("central",))
        offer_page("review", "review", _("Review"), order=70, may=can_resolve, first_for=first)
        offer_page("log-ins", "key", _("Log-ins"), order=85, may=may_see_log_ins)
        offer_page("team", "lock", _("Team"), order=86, may=may_look_after_team)
        clinic = ("clinic",)
        offer_page(
            "laptop-check", "laptop", _("This laptop"), order=90, may=may_look_after_laptop, roles=clinic
        )
        offer_page("sync-status", "sync", _("Sync"), order=80, roles=clinic, first_for=first)

    def _offer_rights(self) -> None:
        """The table of who may do what asks the policies of every room."""
        from deploy.rights import all_rights
        from registry.panels import offer_page
        from registry.staff.office import may_read
        from registry.staff.rights import offer_rights

        offer_rights(all_rights())
        offer_page("staff-list", "people", _("Staff"), order=25, may=may_read)
