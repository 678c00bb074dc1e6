"""The wire form: what is shown, decided, queued and sent, and the digest that ties these four together."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT of the envelope. `copy` marks an automatic copy to the overseer, invisible to the agent."""

    address: str
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """Envelope and bytes of one message: every recipient, Bcc and copies included, and the RFC 5322 form."""

    sender: str
    recipients: tuple[Recipient, ...]
    raw: bytes

    def envelope(self) -> str:
        """Sender and recipients as compact ASCII JSON: '{"recipients":[["b@c.test",false]],"sender":"a@c.test"}'."""
        recipients = [[recipient.address, recipient.copy] for recipient in self.recipients]
        return json.dumps({"recipients": recipients, "sender": self.sender}, separators=(",", ":"))

    def digest(self) -> str:
        """Hex SHA-256 over the envelope, preceded by its length in eight octets, and the bytes."""
        return digest_of(self.envelope(), self.raw)

    @classmethod
    def of(cls, envelope: str, raw: bytes) -> "Wire":
        """The wire form back from the database; raises ValueError when the envelope is damaged."""
        try:
            match json.loads(envelope):
                case {"recipients": list(recipients), "sender": str(sender)}:
                    wire = cls(sender, tuple(_recipient(entry) for entry in recipients), raw)
                case _:
                    raise ValueError("An envelope holds a sender and recipients.")
        except RecursionError as error:
            raise ValueError("The envelope nests too deeply.") from error
        # Anything but the one spelling that `envelope` writes has been altered.
        if wire.envelope() != envelope:
            raise ValueError("The envelope is not in its canonical form.")
        return wire


def digest_of(envelope: str, raw: bytes) -> str:
    """The digest of a wire form whose envelope is written already."""
    written = envelope.encode()
    # The length makes the cut between envelope and bytes part of what is hashed.
    digest = hashlib.sha256(len(written).to_bytes(8, "big") + written)
    digest.update(raw)
    return digest.hexdigest()


def _recipient(entry: object) -> Recipient:
    match entry:
        case [str(address), bool(copy)]:
            return Recipient(address, copy)
        case _:
            raise ValueError("A recipient is an address and a flag.")
