"""`manage.py serve`: this node's web server, worker and beat, supervised, until Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from deploy.readiness import check_disk, check_port, prepare
from deploy.supervisor import Supervisor
from sync.problems import Problem
from sync.vault.running import claim, fold_in


class Command(BaseCommand):
    help = "Run this node: web server, worker and beat, in one command. Ctrl-C stops all."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_disk(Path(settings.POSTA_DATA))
            check_port(settings.POSTA_PORT)
            prepare()
        except Problem as problem:
            raise CommandError(problem.title) from problem
        try:
            with claim(Path(settings.POSTA_DATA)):
                self._serve()
        except Problem as problem:
            raise CommandError(problem.title) from problem

    def _serve(self) -> None:
        supervisor = Supervisor(write=self.stdout.write)
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        try:
            supervisor.start()
            self.stdout.write(
                f"{settings.POSTA_ROLE} at https://localhost:{settings.POSTA_PORT}/ – Ctrl-C stops it"
            )
            supervisor.run()
        finally:
            supervisor.close()
            fold_in()  # whoever was killed left a log; this process is the last
            connection.close()
