"""What a remote may do, and what must become of a mail to it: one table for Postfix and Exim."""

from dataclasses import dataclass

from server.delivery.tls_report import Result
from tests.e2e.remote_site import BOGUS, PLAIN, SIGNED
from tests.e2e.remotes import REFUSALS

Session = tuple[str, Result | None]
"""A policy's type, and what a session under it is counted as."""
OPEN: Session = ("no-policy-found", None)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a remote does, and what must become of a mail to it.

    `words` are in the reply that is kept. `encrypted`: a mail that was taken came under TLS. `session`: as what the
    one session is counted for TLS reports, None where there is none.
    """

    name: str
    to: str
    state: str = "sent"
    code: int = 250
    enhanced: str | None = None
    category: str = ""
    words: str = ""
    encrypted: bool = True
    session: Session | None = OPEN


def refusal(name: str, category: str) -> Behaviour:
    """A reply of REFUSALS, to a mail that comes under TLS."""
    reply = REFUSALS[name]
    enhanced, _, words = reply.text.partition(" ")
    state = "deferred" if reply.code < 500 else "bounced"
    step = {"rcpt": "RCPT", "data": "DATA", "dot": "the final dot"}[reply.step]
    return Behaviour(f"{reply.code} at {step}", f"{name}@good.{PLAIN}", state, reply.code, enhanced, category, words)


def insecure(name: str, domain: str, words: str, session: Session) -> Behaviour:
    """A session that is not what the domain's policy asks: the mail waits, and nothing is said of it."""
    return Behaviour(name, f"bea@{domain}", "deferred", 0, "4.7.5", "ConnectionProblem", words, session=session)


def unresolved(name: str, domain: str, session: Session | None) -> Behaviour:
    """A domain whose DNS does not validate: no connection is made."""
    words = "DNS look-up failed: "
    return Behaviour(name, f"bea@{domain}", "deferred", 0, "4.4.3", "DNSProblem", words, session=session)


NO_TLS = "TLS is required here and the host does not offer it"
BEHAVIOURS = (
    refusal("rcpt4", "AccountProblem"),
    refusal("rcpt5", "NoMailbox"),
    refusal("data4", "ConnectionProblem"),
    refusal("data5", "BlackListed"),
    refusal("dot4", "AccountProblem"),
    refusal("dot5", "Spam"),
    Behaviour(
        "null MX",
        f"bea@nullmx.{PLAIN}",
        "bounced",
        0,
        "5.1.10",
        "DNSProblem",
        "the domain takes no mail (null MX)",
        session=None,
    ),
    Behaviour("no policy, good certificate", f"bea@good.{PLAIN}"),
    Behaviour("no policy, self-signed certificate", f"bea@selfsigned.{PLAIN}"),
    Behaviour("no policy, certificate for another name", f"bea@wrongname.{PLAIN}"),
    Behaviour("no policy, expired certificate", f"bea@expired.{PLAIN}"),
    Behaviour(
        "no policy, no STARTTLS",
        f"bea@none.{PLAIN}",
        encrypted=False,
        session=("no-policy-found", "starttls-not-supported"),
    ),
    Behaviour("MTA-STS enforce, good certificate", f"bea@sts-good.{PLAIN}", session=("sts", None)),
    insecure(
        "MTA-STS enforce, self-signed certificate",
        f"sts-selfsigned.{PLAIN}",
        "self-signed certificate",
        ("sts", "certificate-not-trusted"),
    ),
    insecure(
        "MTA-STS enforce, certificate for another name",
        f"sts-wrongname.{PLAIN}",
        "Hostname mismatch",
        ("sts", "certificate-host-mismatch"),
    ),
    insecure(
        "MTA-STS enforce, expired certificate",
        f"sts-expired.{PLAIN}",
        "certificate has expired",
        ("sts", "certificate-expired"),
    ),
    insecure("MTA-STS enforce, no STARTTLS", f"sts-none.{PLAIN}", NO_TLS, ("sts", "starttls-not-supported")),
    insecure(
        "MTA-STS enforce, host not listed",
        f"sts-other.{PLAIN}",
        "none of the domain's mail servers is listed in its MTA-STS policy",
        ("sts", "validation-failure"),
    ),
    Behaviour("DANE, TLSA 3 1 1 of its self-signed certificate", f"bea@selfsigned.{SIGNED}", session=("tlsa", None)),
    insecure(
        "DANE, TLSA of another certificate",
        f"wrongname.{SIGNED}",
        "the certificate is not one that the TLSA records name",
        ("tlsa", "validation-failure"),
    ),
    Behaviour(
        "DANE, TLSA 2 0 1 of the authority above its certificate", f"bea@anchored.{SIGNED}", session=("tlsa", None)
    ),
    insecure(
        "DANE, TLSA 2 0 1, certificate for another name",
        f"misnamed.{SIGNED}",
        "the certificate is not one that the TLSA records name",
        ("tlsa", "validation-failure"),
    ),
    insecure("DANE, no STARTTLS", f"none.{SIGNED}", NO_TLS, ("tlsa", "starttls-not-supported")),
    unresolved("DANE, forged TLSA record", f"expired.{SIGNED}", ("tlsa", "dnssec-invalid")),
    unresolved("forged MX record", f"bogus.{BOGUS}", None),
    Behaviour("signed zone without TLSA", f"bea@good.{SIGNED}"),
    Behaviour("TLSA of another certificate, zone not signed", f"bea@selfsigned.{PLAIN}"),
)
