"""Signatures of requests by the Standard Webhooks scheme: HMAC-SHA-256 over id, time and content, in base64."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from tools.context import MINUTE, SECOND
from tools.errors import Refusal

TOLERANCE = 5 * MINUTE
"""How far a request's time may be from ours; what is older may be a replay."""
_ID_LIMIT = 128
_SIGNATURES = 8
"""So many are looked at; while keys change there are two."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of itself before its content is known."""

    id: str
    time: str
    signatures: tuple[bytes, ...]

    def begin(self, key: bytes) -> "hmac.HMAC":
        """The computation of the signature, to be fed with the content."""
        return hmac.new(key, f"{self.id}.{self.time}.".encode(), hashlib.sha256)

    def fits(self, computed: "hmac.HMAC") -> bool:
        """Whether one of the signatures is the computed one."""
        digest = computed.digest()
        return any([hmac.compare_digest(digest, given) for given in self.signatures])


def read_claim(headers: Mapping[str, str], now: int) -> Claim:
    """What the headers webhook-id, webhook-timestamp and webhook-signature say. Raises Refusal invalid_signature."""
    id_, time = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (0 < len(id_) <= _ID_LIMIT and id_.isascii() and id_.isprintable() and "." not in id_):
        raise Refusal("invalid_signature", "The header webhook-id is missing, or no plain text without dots.")
    if not (time.isascii() and time.isdecimal() and len(time) <= 12 and abs(int(time) * SECOND - now) <= TOLERANCE):
        raise Refusal("invalid_signature", "The header webhook-timestamp is not the time within five minutes.")
    given = headers.get("webhook-signature", "").split(" ")[:_SIGNATURES]
    return Claim(id_, time, tuple(_decoded(text.removeprefix("v1,")) for text in given if text.startswith("v1,")))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
