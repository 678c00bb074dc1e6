"""Whether the certificate of SMTP can be shown to other servers, and whether they will believe it."""

import ssl
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509

from server.doctor.finding import Finding
from server.settings import Settings, is_local
from server.smtp.certificate import Certificate

SOON = timedelta(days=14)
_RENEW = "Renew it in place: Gatepost reads the files again when they change."


def examine_certificate(settings: Settings, now: datetime) -> list[Finding]:
    """A finding for each thing wrong with tls_cert and tls_key, or one that says they are in order."""
    chain, key = settings.tls_cert, settings.tls_key
    if chain is None or key is None:
        return _without(settings)
    found = [*_unread("tls_cert", chain), *_unread("tls_key", key)] or _unusable(chain, key)
    if found:
        return found
    certificates = x509.load_pem_x509_certificates(chain.read_bytes())
    leaf = certificates[0]
    found = [*_time(chain, leaf, now), *_name(chain, leaf, settings.hostname), *_chain(chain, certificates)]
    if key.stat().st_mode & 0o007:
        found.append(Finding("fail", f"tls_key: everybody on this machine can read {key}", f"Run 'chmod o= {key}'."))
    until = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
    return found or [Finding("ok", f"tls_cert: {chain} is for {settings.hostname}, valid until {until}")]


def _without(settings: Settings) -> list[Finding]:
    """On this machine alone nobody listens in."""
    if "inbound" not in settings.roles or is_local(settings.smtp_host):
        return []
    what = f"tls_cert: none is set, so mail comes to {settings.smtp_host} in the clear"
    return [Finding("warn", what, "Set tls_cert and tls_key, for STARTTLS.")]


def _unread(setting: str, path: Path) -> list[Finding]:
    try:
        with path.open("rb"):
            return []
    except FileNotFoundError:
        return [Finding("fail", f"{setting}: there is no file {path}", "Put it there, or name another.")]
    except OSError as error:
        fix = "Let the user that runs Gatepost read it."
        return [Finding("fail", f"{setting}: {path} cannot be read: {error.strerror}", fix)]


def _unusable(chain: Path, key: Path) -> list[Finding]:
    """What keeps the server from starting with these files."""
    try:
        x509.load_pem_x509_certificates(chain.read_bytes())
    except ValueError:
        return [Finding("fail", f"tls_cert: {chain} holds no certificate in PEM", "Name the chain, as PEM.")]
    try:
        Certificate(chain, key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"tls_key: {key} is not the key of the first certificate in {chain}"
            return [
                Finding("fail", what, "Name the two that belong together; the server's own certificate comes first.")
            ]
        fix = "Name the private key in PEM, not encrypted."
        return [Finding("fail", f"tls_key: {key} cannot be used with {chain}: {error.reason or error}", fix)]
    return []


def _time(chain: Path, leaf: x509.Certificate, now: datetime) -> list[Finding]:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now > ends:
        return [Finding("fail", f"tls_cert: {chain} expired on {ends:%Y-%m-%d}", _RENEW)]
    if now < begins:
        what = f"tls_cert: {chain} is not valid before {begins:%Y-%m-%d %H:%M} UTC"
        return [Finding("fail", what, "See that this machine's clock is right.")]
    # those that live for days alone are renewed when a third of that is left
    if ends - now < min(SOON, (ends - begins) / 3):
        return [Finding("warn", f"tls_cert: {chain} expires on {ends:%Y-%m-%d}", _RENEW)]
    return []


def _name(chain: Path, leaf: x509.Certificate, hostname: str) -> list[Finding]:
    try:
        named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = named.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    wanted = hostname.lower().rstrip(".")
    # RFC 9525 section 6.3: a wildcard stands for one label
    if any(name.lower() in (wanted, f"*.{wanted.partition('.')[2]}") for name in names):
        return []
    what = f"tls_cert: {chain} is for {', '.join(names) or 'no name'}, and this server calls itself {hostname}"
    return [Finding("warn", what, "Set hostname to a name of the certificate, or get one for it and the MX record.")]


def _chain(chain: Path, certificates: list[x509.Certificate]) -> list[Finding]:
    """Who does not know the issuer of the last certificate believes none of them."""
    leaf = certificates[0]
    if leaf.issuer == leaf.subject:
        what = f"tls_cert: {chain} is self-signed: servers that check (MTA-STS) and mail programs refuse it"
        return [Finding("warn", what, "Get one from an authority; or publish it for DANE.")]
    if len(certificates) == 1:
        what = f"tls_cert: {chain} holds the server's certificate alone: others cannot follow it to its authority"
        return [Finding("warn", what, "Name the file with the whole chain, such as fullchain.pem.")]
    for lower, upper in pairwise(certificates):
        if lower.issuer != upper.subject:
            what = f"tls_cert: in {chain} {_called(lower)} is followed by {_called(upper)}, which did not issue it"
            return [Finding("warn", what, "Put the certificates in order: the server's first, then each one's issuer.")]
    return []


def _called(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"certificate {certificate.serial_number:x}"
