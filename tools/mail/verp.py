"""What names a delivery and proves it, for nobody but us could make it: its envelope sender (VERP), where bounces come
back to, and the token in its Feedback-ID, which complaints return."""

import hmac
from base64 import b32encode

PREFIX = "b"
TAG_LENGTH = 16
LOCAL_PART_LIMIT = 64  # RFC 5321 section 4.5.3.1.1


def bounce_address(delivery_id: str, domain: str, secret: bytes) -> str:
    """`b+<delivery id>+<80 bits of HMAC-SHA256 in base32>@domain`, all of it lower case.

    Raises ValueError for an id that would not come back unharmed: upper case, not ASCII, or too long.
    """
    local = f"{PREFIX}+{delivery_id}+{_tag(delivery_id, secret)}"
    if not local.isascii() or local != local.lower() or len(local) > LOCAL_PART_LIMIT:
        raise ValueError(f"delivery id {delivery_id!r} does not fit a bounce address")
    return f"{local}@{domain.lower()}"


def is_bounce_address(address: str) -> bool:
    """Whether an address looks like one; what it is worth is for `delivery_of` to say."""
    return address[: len(PREFIX) + 1].lower() == f"{PREFIX}+"


def delivery_of(address: str, secret: bytes) -> str | None:
    """The id of the delivery that has this bounce address in any letter case; None if it is not one of ours."""
    local = address.rpartition("@")[0].lower()
    prefix, _, rest = local.partition("+")
    delivery_id, _, tag = rest.rpartition("+")
    if prefix != PREFIX or not delivery_id or not local.isascii() or len(local) > LOCAL_PART_LIMIT:
        return None
    return delivery_id if hmac.compare_digest(tag, _tag(delivery_id, secret)) else None


def feedback_token(delivery_id: str, secret: bytes) -> str:
    """`<delivery id>+<80 bits of HMAC-SHA256 in base32>`. It is no bounce address: who sees the mail's header alone,
    as everybody it is forwarded to, cannot make it bounce."""
    return f"{delivery_id}+{_tag(delivery_id, secret, b'feedback id ')}"


def delivery_of_token(token: str, secret: bytes) -> str | None:
    """The id of the delivery that has this feedback token; None if it is not one of ours."""
    delivery_id, _, tag = token.rpartition("+")
    if not delivery_id or not token.isascii() or len(token) > LOCAL_PART_LIMIT:
        return None
    return delivery_id if hmac.compare_digest(tag, _tag(delivery_id, secret, b"feedback id ")) else None


def _tag(delivery_id: str, secret: bytes, purpose: bytes = b"bounce address ") -> str:
    digest = hmac.digest(secret, purpose + delivery_id.encode(), "sha256")
    return b32encode(digest).decode().lower()[:TAG_LENGTH]
