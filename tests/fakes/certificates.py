"""Certificates and TLS contexts of servers, good and bad, and the TLSA records that name them."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID

Issued = trustme.LeafCert


def issue(authority: trustme.CA, *names: str, expired: bool = False) -> Issued:
    """A certificate for the names."""
    past = datetime.now(UTC) - timedelta(days=1)
    return authority.issue_cert(*names, not_after=past if expired else None)


def serving_context(issued: Issued, *others: trustme.CA) -> ssl.SSLContext:
    """A server's context with the certificate, and those of authorities that it shows too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown = [pem.bytes() for pem in issued.cert_chain_pems] + [other.cert_pem.bytes() for other in others]
    Issued(issued.private_key_pem.bytes(), shown[0], shown[1:]).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts this authority alone."""
    return ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())


def self_signed(name: str) -> Issued:
    """A certificate that nobody but its own key vouches for."""
    return _made(name, None)


def signed_by(issuer: Issued, name: str) -> Issued:
    """A certificate under one that is no authority's."""
    return _made(name, issuer)


FLAWS: Mapping[str, Callable[[trustme.CA, str], Issued]] = {
    "another name": lambda authority, name: issue(authority, "another.example"),
    "expired": lambda authority, name: issue(authority, name, expired=True),
    "self-signed": lambda authority, name: self_signed(name),
    "unknown authority": lambda authority, name: issue(trustme.CA(), name),
}
"""Certificates that do not prove to who trusts the authority that a server has the name."""


def _made(name: str, issuer: Issued | None) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above, signing = subject, key
    if issuer:
        above = chain(issuer)[0].subject
        loaded = serialization.load_pem_private_key(issuer.private_key_pem.bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing = loaded
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(above, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signing, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Issued(pem, certificate.public_bytes(serialization.Encoding.PEM), [])


def chain(issued: Issued, *others: trustme.CA) -> list[Certificate]:
    """The certificate, and those of authorities, as a host could show them."""
    pems = [issued.cert_chain_pems[0].bytes(), *(other.cert_pem.bytes() for other in others)]
    return [x509.load_pem_x509_certificate(pem) for pem in pems]


def tlsa(certificate: Certificate, usage: int = 3, selector: int = 1, matching: int = 1) -> str:
    """The TLSA record that names a certificate, as text."""
    if selector:
        selected = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        selected = certificate.public_bytes(serialization.Encoding.DER)
    named = selected if matching == 0 else hashlib.new({1: "sha256", 2: "sha512"}[matching], selected).digest()
    return f"{usage} {selector} {matching} {named.hex()}"
