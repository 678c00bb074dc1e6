"""How far a mail has come: its Received fields (RFC 5321 section 6.3)."""

MAX_RECEIVED = 50
"""A mail that has passed more servers goes in a circle."""
_HEADER_BYTES = 100 * 1024
"""Trace fields stand at the top; a longer header has other troubles."""


def hops(raw: bytes) -> int:
    """How many servers the mail passed."""
    end = raw.find(b"\r\n\r\n", 0, _HEADER_BYTES)
    head = raw[: _HEADER_BYTES if end < 0 else end].lower()
    return head.count(b"\nreceived:") + head.startswith(b"received:")
