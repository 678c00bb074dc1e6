"""The sender rewriting scheme: what is passed on leaves from our domain, and a bounce finds the way back.

There is no RFC; the form is that of libsrs2: `SRS0=hash=time=host=local@us`, and `SRS1=hash=host=rest@us` for a sender
that another forwarder rewrote already.
"""

import hmac
import re
from base64 import b32encode

LIFE_DAYS = 21
LOCAL_PART_LIMIT = 64  # RFC 5321 section 4.5.3.1.1
_HASH_LENGTH = 8  # 40 bits: guesses are one RCPT each
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PERIOD = 1024
_SEPARATORS = "=+-"
_DOT_ATOM = re.compile(r'[^\s."(),:;<>@[\]\\]++(?:\.[^\s."(),:;<>@[\]\\]++)*+')


def rewritten(sender: str, domain: str, secret: bytes, day: int) -> str:
    """The envelope sender for a mail of `sender` that `domain` passes on; `day` counts from the epoch.

    Empty, the null sender, where there is nobody to tell: for the null sender, and where it would be too long, or would
    have to be quoted.
    """
    local, at, host = sender.rpartition("@")
    if not at or not _DOT_ATOM.fullmatch(local) or host.startswith("["):
        return ""
    tag = local[:5].upper()
    if tag in ("SRS0=", "SRS0+", "SRS0-"):
        # what another forwarder made is kept as it is, with who made it
        rest = f"{host}={local[4:]}"
    elif tag in ("SRS1=", "SRS1+", "SRS1-"):
        rest = local[5:].partition("=")[2]
    else:
        rest = ""
    if rest:
        address = f"SRS1={_hash(secret, 'SRS1', rest)}={rest}"
    else:
        stamped = f"{_stamp(day)}={host}={local}"
        address = f"SRS0={_hash(secret, 'SRS0', stamped)}={stamped}"
    return f"{address}@{domain}" if len(address.encode()) <= LOCAL_PART_LIMIT else ""


def original(address: str, secret: bytes, day: int) -> str | None:
    """Who stands behind an address that `rewritten` made at most 21 days ago; None for any other."""
    local = address.rpartition("@")[0]
    kind, separator, rest = local[:4].upper(), local[4:5], local[5:]
    found, _, rest = rest.partition("=")
    if kind not in ("SRS0", "SRS1") or separator not in _SEPARATORS or len(local.encode()) > LOCAL_PART_LIMIT:
        return None
    # servers on the way may have changed the case
    if not hmac.compare_digest(found.upper().encode(), _hash(secret, kind, rest).encode()):
        return None
    if kind == "SRS1":
        host, _, opaque = rest.partition("=")
        return f"SRS0{opaque}@{host}" if host and opaque else None
    stamp, _, rest = rest.partition("=")
    host, _, local = rest.partition("=")
    return f"{local}@{host}" if host and local and _is_fresh(stamp.upper(), day) else None


def is_rewritten(address: str) -> bool:
    """Whether an address has the form, of ours or of anybody."""
    return address[:4].upper() in ("SRS0", "SRS1") and address[4:5] in ("=", "+", "-")


def _hash(secret: bytes, kind: str, rest: str) -> str:
    # in lower case, as the case is not kept everywhere
    digest = hmac.digest(secret, f"{kind} {rest.lower()}".encode(), "sha256")
    return b32encode(digest).decode()[:_HASH_LENGTH]


def _stamp(day: int) -> str:
    return _DIGITS[day // 32 % 32] + _DIGITS[day % 32]


def _is_fresh(stamp: str, day: int) -> bool:
    if len(stamp) != 2 or not set(stamp) <= set(_DIGITS):
        return False
    made = _DIGITS.index(stamp[0]) * 32 + _DIGITS.index(stamp[1])
    return (day - made) % _PERIOD <= LIFE_DAYS
