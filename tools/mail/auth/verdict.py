"""What authentication found out about one mail, as one value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.mail.auth.arc import Chain
from tools.mail.auth.dkim import Signature
from tools.mail.auth.dmarc import Dmarc
from tools.mail.auth.results import Method, arc_method, dkim_methods
from tools.mail.auth.spf import Spf

_GOOD = ("pass", "none")


@dataclass(frozen=True, slots=True)
class Authentication:
    """The results of SPF, DKIM, DMARC and ARC, and whom they let one believe."""

    spf: Spf
    dkim: tuple[Signature, ...]
    dmarc: Dmarc
    arc: Chain
    ambiguous: bool = False
    """Mail programs may disagree on whom From names: such a mail is from nobody in particular."""

    @property
    def verified_domain(self) -> str:
        """The domain of the From address, if SPF or DKIM passed for it or for one of its organization; else empty.

        This holds for a domain without a DMARC record too: it asks for nothing, and its signature is still its own.
        """
        return self.dmarc.domain if self.dmarc.aligned and not self.ambiguous else ""

    @property
    def failed(self) -> tuple[str, ...]:
        """What did not pass, in fixed words: nothing in them is a stranger's text, but for the domains of DKIM."""
        return tuple(self._failures())

    def _failures(self) -> Iterator[str]:
        if self.ambiguous:
            yield "From does not name one address alone"
        if self.spf.result not in _GOOD:
            yield f"spf={self.spf.result}"
        for signature in self.dkim:
            if signature.result not in _GOOD:
                yield f"dkim={signature.result} ({signature.domain or 'unknown'}: {signature.reason})"
        if self.dmarc.result not in _GOOD:
            yield f"dmarc={self.dmarc.result}"
        if self.arc.result not in _GOOD:
            yield f"arc={self.arc.result} ({self.arc.reason})"

    def as_findings(self) -> dict[str, Any]:
        """As JSON values, for a message's findings."""
        return {
            "verified_domain": self.verified_domain,
            "failed": list(self.failed),
            "aligned": list(self.dmarc.aligned),
            "spf": spf_values(self.spf),
            "dkim": [dkim_values(signature) for signature in self.dkim],
            "dmarc": dmarc_values(self.dmarc),
            "arc": arc_values(self.arc),
        }

    def methods(self) -> tuple[Method, ...]:
        """For the field Authentication-Results."""
        spf = self.spf
        checked = (("smtp.mailfrom" if spf.scope == "mfrom" else "smtp.helo", spf.domain),) if spf.domain else ()
        author = (("header.from", self.dmarc.domain),) if self.dmarc.domain else ()
        return (
            Method("spf", spf.result, properties=checked),
            *dkim_methods(self.dkim),
            Method("dmarc", self.dmarc.result, properties=author),
            arc_method(self.arc),
        )


def spf_values(spf: Spf) -> dict[str, str]:
    """SPF's result as JSON values, without what the domain's owner wrote into its record."""
    return {"result": spf.result, "domain": spf.domain, "scope": spf.scope}


def dkim_values(signature: Signature) -> dict[str, str | bool]:
    """A signature's result as JSON values."""
    return {
        "result": signature.result,
        "domain": signature.domain,
        "selector": signature.selector,
        "reason": signature.reason,
        "whole_body": signature.covers_whole_body,
    }


def dmarc_values(dmarc: Dmarc) -> dict[str, str]:
    """DMARC's result as JSON values."""
    return {
        "result": dmarc.result,
        "domain": dmarc.domain,
        "policy": dmarc.policy,
        "disposition": dmarc.disposition,
        "found_at": dmarc.found_at,
        "reason": dmarc.reason,
    }


def arc_values(chain: Chain) -> dict[str, str | int | list[str]]:
    """A chain's result as JSON values."""
    return {
        "result": chain.result,
        "reason": chain.reason,
        "sealers": list(chain.sealers),
        "oldest_pass": chain.oldest_pass,
    }
