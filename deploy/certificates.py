"""Certificates of a deployment: a CA of its own, and a node's certificate signed by it.

Lives here: `make_ca` and `issue`, which the demo uses; and for the field, where the CA's key stays off the
laptop, `ask` (a key and a request, here), `sign` (where the CA is) and `install` (here again). Small elliptic
keys: a handshake over a thin link pays for every byte. Not here: the keys that sign receipts and requests
(`sync/vault/keys.py`), the commands (`manage.py certificate`).
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sync.vault.durable import write_private

CA_DAYS, LEAF_DAYS = 3650, 397
KEY, NEXT_KEY = "tls.key", "tls.key.next"
LOCAL_NAMES = ("localhost", "clinic.local", "127.0.0.1", "::1")


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_ca(directory: Path, name: str = "Posta deployment CA") -> Path:
    """A CA in this directory (`ca.pem`, `ca.key`), made once. Answers the path of its certificate."""
    certificate = directory / "ca.pem"
    if certificate.exists():
        return certificate
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    write_private(directory / "ca.key", _pem(key))
    write_private(certificate, made.public_bytes(serialization.Encoding.PEM))
    return certificate


def issue(ca_directory: Path, keys: Path, names: tuple[str, ...] = LOCAL_NAMES) -> None:
    """A certificate for a node's web server in `keys` (`tls.pem`, `tls.key`, `tls-ca.pem`), unless it has
    one.
    """
    if (keys / "tls.pem").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(ca_directory, key.public_key(), names)
    write_private(keys / "tls.key", _pem(key))
    write_private(keys / "tls-ca.pem", (ca_directory / "ca.pem").read_bytes())
    write_private(keys / "tls.pem", made.public_bytes(serialization.Encoding.PEM))


def _signed(
    ca_directory: Path, public: ec.EllipticCurvePublicKey, names: tuple[str, ...]
) -> x509.Certificate:
    ca = x509.load_pem_x509_certificate((ca_directory / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((ca_directory / "ca.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("the CA's key is not one of ours")
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(names[0]))
        .issuer_name(ca.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=LEAF_DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


# --- in the field ----------------------------------------------------------------------------------------


def ask(keys: Path, names: tuple[str, ...] = LOCAL_NAMES) -> bytes:
    """A request for a certificate, with a key that never leaves this laptop. Asked again it is the same key,
    until a certificate for it has come.
    """
    waiting = keys / NEXT_KEY
    if not waiting.exists():
        write_private(waiting, _pem(ec.generate_private_key(ec.SECP256R1())))
    key = serialization.load_pem_private_key(waiting.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the waiting key is not one of ours")
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_name(names[0]))
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM)


def sign(ca_directory: Path, request: bytes) -> bytes:
    """Where the CA's key is: a certificate for the names that the request asks for. Raises `ValueError`."""
    asked = x509.load_pem_x509_csr(request)
    public = asked.public_key()
    if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        raise ValueError("the request does not prove its key")
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = tuple(str(one.value) for one in names)
    if not set(wanted) <= set(LOCAL_NAMES):
        raise ValueError("a laptop is given names of its own Wi-Fi only")
    return _signed(ca_directory, public, wanted).public_bytes(serialization.Encoding.PEM)


def install(keys: Path, certificate: bytes, authority: bytes) -> x509.Certificate:
    """Put a signed certificate into use with the key that waits for it, if the two fit and the authority
    signed it. Raises `ValueError`, and then nothing has changed.
    """
    made = x509.load_pem_x509_certificate(certificate)
    ca = x509.load_pem_x509_certificate(authority)
    try:
        made.verify_directly_issued_by(ca)
    except InvalidSignature:
        raise ValueError("the certificate is not signed by this authority") from None
    name = next((one for one in (NEXT_KEY, KEY) if _fits(keys / one, made)), None)
    if name is None:
        raise ValueError("the certificate is not for a key of this laptop")
    write_private(keys / "tls-ca.pem", authority)
    (keys / name).replace(keys / KEY)
    write_private(keys / "tls.pem", certificate)
    return made


def _fits(path: Path, made: x509.Certificate) -> bool:
    if not path.exists():
        return False
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    return key.public_key() == made.public_key()
