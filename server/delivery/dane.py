"""DANE for SMTP (RFC 7672): which TLSA records can be used, and whether a certificate is the one they name."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from ssl import DER_cert_to_PEM_cert, SSLObject
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DNSName,
    SubjectAlternativeName,
    load_pem_x509_certificate,
)
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)
from dns.rdata import Rdata
from dns.rdtypes.ANY.TLSA import TLSA

from server.delivery.security import Security, Tlsa

TRUST_ANCHOR, END_ENTITY = 2, 3
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}


def security(records: Sequence[Rdata], names: tuple[str, ...]) -> Security:
    """What a TLSA RRset that is not empty asks of a session. `names`: the host's and the recipients' domain.

    With no record that can be used, encryption is still a must (RFC 7672 section 2.2).
    """
    usable = tuple(sorted(_usable(records), key=lambda record: (record.usage, record.data)))
    if not usable:
        return Security("encrypted")
    # RFC 7672 section 3.2.2; with usage 3 alone no name counts, and all domains of a host may share its sessions
    return Security("dane", usable, names if usable[0].usage == TRUST_ANCHOR else ())


def _usable(records: Iterable[Rdata]) -> Iterable[Tlsa]:
    for record in records:
        # RFC 7672 section 3.1.3: usages 0 and 1 are not for SMTP
        if (
            isinstance(record, TLSA)
            and record.usage in (TRUST_ANCHOR, END_ENTITY)
            and record.selector in (0, 1)
            and record.mtype in (0, 1, 2)
            and record.cert
        ):
            yield Tlsa(record.usage, record.selector, record.mtype, record.cert)


def chain_of(tls: SSLObject) -> list[Certificate]:
    """The certificates a host showed, its own first. Raises ValueError for one that cannot be read."""
    shown: Any = tls
    if not hasattr(tls, "get_unverified_chain"):
        # before Python 3.13 this is to be had from the inner object alone
        shown = getattr(tls, "_sslobj", None)
    return [_certificate(one) for one in shown.get_unverified_chain() or ()]


def _certificate(shown: Any) -> Certificate:
    pem = DER_cert_to_PEM_cert(shown) if isinstance(shown, bytes) else shown.public_bytes()
    return load_pem_x509_certificate(pem.encode())


def fits(chain: Sequence[Certificate], asked: Security, now: datetime) -> bool:
    """Whether a chain, the host's own certificate first, is one that the records name."""
    try:
        return bool(chain) and any(_fits(chain, record, asked.names, now) for record in asked.tlsa)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _fits(chain: Sequence[Certificate], record: Tlsa, names: Iterable[str], now: datetime) -> bool:
    own, *others = chain
    if record.usage == END_ENTITY:
        # RFC 7672 section 3.1.1: neither names nor dates count
        return _is(own, record)
    anchors = [other for other in others if _is(other, record)]
    return bool(anchors) and any(_leads(own, others, anchors, name, now) for name in names)


def _is(certificate: Certificate, record: Tlsa) -> bool:
    if record.selector == 0:
        selected = certificate.public_bytes(Encoding.DER)
    else:
        selected = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = _DIGESTS.get(record.matching)
    return (digest(selected).digest() if digest else selected) == record.data


def _loosened(extension: type[BasicConstraints | SubjectAlternativeName]) -> ExtensionPolicy:
    """The library's own policies are those of browsers, which an anchor that a domain made for itself seldom satisfies.

    That names fit, and that only authorities sign certificates, is checked under any policy.
    """
    return ExtensionPolicy.permit_all().require_present(extension, Criticality.AGNOSTIC, None)


def _leads(
    own: Certificate, others: Sequence[Certificate], anchors: list[Certificate], name: str, now: datetime
) -> bool:
    verifier = (
        PolicyBuilder()
        .store(Store(anchors))
        .time(now)
        .extension_policies(ca_policy=_loosened(BasicConstraints), ee_policy=_loosened(SubjectAlternativeName))
        .build_server_verifier(DNSName(name))
    )
    try:
        verifier.verify(own, list(others))
    except VerificationError:
        return False
    return True
