"""What a session must be before a mail goes over it, and whose policy asks for that."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["clear", "any", "tested", "encrypted", "checked", "dane"]
"""From the weakest: no TLS; TLS with any certificate, or else none; TLS with a certificate for the host's name, or else
what there is; TLS with any certificate; with one for the host's name; with one that a TLSA record names."""

BELOW: dict[Level, Level] = {"tested": "any", "any": "clear"}
"""What may be tried where a level is not to be had. For the others nothing less will do."""

PolicyType = Literal["tlsa", "sts", "no-policy-found"]

Voucher = Literal["opportunistic", "mta-sts", "dane", "pkix"]
"""What stood behind the certificate of a session: nothing, whatever it was; the recipients' domain, by its policy over
HTTPS or by TLSA records; or, for a smart host, the authorities this machine trusts."""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A usable TLSA record (RFC 6698 section 2.1): usage 2 or 3, selector 0 or 1, matching type 0, 1 or 2."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Security:
    """The level; for `dane` its records, and the names one of which the certificate has where usage 2 asks for one."""

    level: Level = "any"
    tlsa: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()


OPPORTUNISTIC = Security()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy as a TLS report has it (RFC 8460 section 4.4): type, recipients' domain, its text, its MX patterns."""

    type: PolicyType
    domain: str
    strings: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()


def voucher(level: Level, policy: Policy | None) -> Voucher:
    """Of a session that was encrypted at this level."""
    if level == "dane":
        return "dane"
    if level not in ("tested", "checked"):
        return "opportunistic"
    return "mta-sts" if policy and policy.type == "sts" else "pkix"
