"""Certificates of an installed laptop: asked for here, signed elsewhere, installed only where they fit."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from django.core.management import CommandError, call_command
from pytest_django import Settings

from deploy.certificates import NEXT_KEY


def certificate(step: str, **options: Path) -> str:
    out = StringIO()
    call_command("certificate", step, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def keys(tmp_path: Path, settings: Settings) -> Path:
    settings.POSTA_DATA = tmp_path / "laptop"
    (tmp_path / "laptop" / "keys").mkdir(parents=True, mode=0o700)
    return tmp_path / "laptop" / "keys"


def test_a_certificate_is_signed_elsewhere_and_fits_only_here(
    tmp_path: Path, keys: Path, settings: Settings
) -> None:
    authority, signed = tmp_path / "authority", tmp_path / "tls.pem"
    certificate("ask")
    certificate("ask")  # again: the same key, so the request under way stays good
    certificate("sign", request=keys / "tls.csr", certificate=signed, ca=authority)
    assert not (keys / "tls.pem").exists()
    assert [path.name for path in keys.iterdir() if "PRIVATE" in path.read_text()] == [NEXT_KEY]
    certificate("install", certificate=signed, ca=authority / "ca.pem")
    made = x509.load_pem_x509_certificate((keys / "tls.pem").read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "clinic.local" in names.get_values_for_type(x509.DNSName)
    assert (keys / "tls.key").stat().st_mode & 0o077 == 0
    assert not (keys / NEXT_KEY).exists()
    assert b"PRIVATE" not in (keys / "tls-ca.pem").read_bytes()
    settings.POSTA_DATA = tmp_path / "another"
    (tmp_path / "another" / "keys").mkdir(parents=True)
    with pytest.raises(CommandError, match="not for a key of this laptop"):
        certificate("install", certificate=signed, ca=authority / "ca.pem")


def test_what_another_authority_signed_is_not_installed(tmp_path: Path, keys: Path) -> None:
    certificate("ask")
    for name in ("ours", "theirs"):
        certificate(
            "sign", request=keys / "tls.csr", certificate=tmp_path / f"{name}.pem", ca=tmp_path / name
        )
    with pytest.raises(CommandError, match="not signed by this authority"):
        certificate("install", certificate=tmp_path / "theirs.pem", ca=tmp_path / "ours" / "ca.pem")
    assert not (keys / "tls.pem").exists()
