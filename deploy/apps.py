"""Registers `deploy` as an app, for the commands that need every room."""

from importlib import import_module

from django.apps import AppConfig


class DeployConfig(AppConfig):
    name = "deploy"
    label = "deploy"
    verbose_name = "Running a node"

    def ready(self) -> None:
        import_module("deploy.celery")  # so that a page's task goes to this node's broker
