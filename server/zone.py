"""The DNS records that a domain needs to receive mail and to be believed when it sends."""

from dataclasses import dataclass

STRING = 255
"""Octets in one character-string of a TXT record (RFC 1035 section 3.3)."""


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record to publish. `value` is a TXT record's text in one piece, or what follows the type otherwise."""

    name: str
    type: str
    value: str

    def line(self) -> str:
        """As a zone file has it."""
        return f"{self.name}. IN {self.type} {quoted(self.value) if self.type == 'TXT' else self.value}"


def records(domain: str, hostname: str, selector: str, dkim: tuple[str, str]) -> tuple[DnsRecord, ...]:
    """MX, SPF (RFC 7208), two DKIM keys (RFC 6376, 8463) and DMARC (RFC 7489) of a domain."""
    rsa, ed25519 = dkim
    return (
        DnsRecord(domain, "MX", f"10 {hostname}."),
        DnsRecord(domain, "TXT", "v=spf1 mx -all"),
        DnsRecord(f"{selector}r._domainkey.{domain}", "TXT", rsa),
        DnsRecord(f"{selector}e._domainkey.{domain}", "TXT", ed25519),
        DnsRecord(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=quarantine"),
    )


def ptr_note(hostname: str) -> str:
    """What the zone cannot hold: the reverse record, which is the address's owner's."""
    return (
        f"Ask whoever gave you the IP address to point its PTR record to {hostname}, and publish A/AAAA for that name."
    )


def quoted(text: str) -> str:
    """A TXT value as strings of at most 255 octets, which readers join again (RFC 7208 section 3.3)."""
    return " ".join(f'"{text[at : at + STRING]}"' for at in range(0, len(text), STRING))
