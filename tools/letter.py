"""A notice ready to leave."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice as it is handed to those who carry it."""

    sender: str
    """The envelope sender; empty is the null sender, which nobody answers."""
    recipient: str
    domain: str
    """The domain that signs."""
    raw: bytes
    link: str
    """The link it carries, for the operator's console when nothing leaves."""
    sandbox: bool
    """It is about mail of a test key, and so does not leave either."""
