"""`manage.py certificate ask|sign|install`: a certificate for this laptop, signed where the CA's key is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from deploy.certificates import ask, install, make_ca, sign
from sync.commanding import as_json_text


class Command(BaseCommand):
    help = "Ask for a certificate here, sign it where the deployment's CA is, install it here."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("step", choices=["ask", "sign", "install"])
        parser.add_argument("--request", type=Path, help="the request: written by ask, read by sign")
        parser.add_argument("--certificate", type=Path, help="written by sign, read by install")
        parser.add_argument("--ca", type=Path, help="sign: the CA's directory; install: its certificate")
        parser.add_argument("--json", action="store_true", help="answer in JSON on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        step = {"ask": self._ask, "sign": self._sign, "install": self._install}[options["step"]]
        try:
            sentence = step(options)
        except (OSError, ValueError) as error:
            raise CommandError(_("Nothing was changed: %s.") % error) from error
        told = {"step": options["step"], "sentence": sentence}
        self.stdout.write(as_json_text(told) if options["json"] else sentence)

    def _ask(self, options: dict[str, Any]) -> str:
        keys = Path(settings.POSTA_DATA) / "keys"
        request = options["request"] or keys / "tls.csr"
        request.write_bytes(ask(keys))
        return _("The request is in %s. Carry it to where the CA is.") % request

    def _sign(self, options: dict[str, Any]) -> str:
        request, directory, to = _needed(options, "request", "ca", "certificate")
        if not (directory / "ca.key").exists():
            make_ca(directory)
        to.write_bytes(sign(directory, request.read_bytes()))
        return _("The certificate is in %(file)s. Carry it back with %(ca)s.") % {
            "file": to,
            "ca": directory / "ca.pem",
        }

    def _install(self, options: dict[str, Any]) -> str:
        certificate, authority = _needed(options, "certificate", "ca")
        keys = Path(settings.POSTA_DATA) / "keys"
        made = install(keys, certificate.read_bytes(), authority.read_bytes())
        return _("Installed; valid until %s. Restart the node.") % f"{made.not_valid_after_utc:%Y-%m-%d}"


def _needed(options: dict[str, Any], *names: str) -> list[Path]:
    missing = [f"--{name}" for name in names if options[name] is None]
    if missing:
        raise CommandError(_("Missing: %s.") % " ".join(missing))
    return [options[name] for name in names]
