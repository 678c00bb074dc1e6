"""Authentication-Results (RFC 8601): ours on top of a mail, and none that others wrote in our name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.auth.arc import Chain
from tools.mail.auth.dkim import Signature

VALUE_CHARS = 254
REASON_CHARS = 120
ID_BYTES = 4096
"""How far the id of a field is looked for; where it is not found by then, nobody can say whose the field is."""

_PLAIN = re.compile(r"(?:[!#$%&'*+.0-9A-Z^_`a-z{|}~-]*@)?[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+")
_UNPRINTABLE = re.compile(r"[^ -~]")
# Some readers take a bare CR for the end of a line, so a field may begin behind one.
_FIELD = re.compile(rb"(?:\A|(?<=\n)|\r)authentication-results[ \t]*:", re.IGNORECASE)
_FIELD_END = re.compile(rb"\n(?![ \t])")
_ANY_END = re.compile(rb"(?>\r\n|\r|\n)(?![ \t])")
_LEXEME = re.compile(rb'\\.|[()";]|[^\\()";]+', re.DOTALL)
_VERSION = re.compile(rb"[./]?[0-9]*")


@dataclass(frozen=True, slots=True)
class Method:
    """What one method found."""

    name: str
    """`spf`, `dkim`, `dmarc`, `arc`."""
    result: str
    """A keyword of RFC 8601 section 2.7."""
    reason: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    """What was looked at, such as ("header.d", "example.com"); values may be a stranger's."""


def results_field(authserv_id: str, methods: Sequence[Method]) -> bytes:
    """The field with its line end, one line for each method, in ASCII."""
    lines = [_line(method) for method in methods] or ["none"]
    return ";\r\n\t".join((f"Authentication-Results: {_value(authserv_id)}", *lines)).encode("ascii") + b"\r\n"


def dkim_methods(signatures: Sequence[Signature]) -> Iterator[Method]:
    """One for each signature; `none` if there is no signature."""
    if not signatures:
        yield Method("dkim", "none")
    for each in signatures:
        # header.b tells signatures of one domain apart (RFC 6008)
        properties = (
            *(("header.d", each.domain), ("header.s", each.selector), ("header.i", each.identity)),
            *(("header.a", each.algorithm), ("header.b", each.mark[:8])),
        )
        yield Method("dkim", each.result, each.reason, tuple(pair for pair in properties if pair[1]))


def arc_method(chain: Chain) -> Method:
    """RFC 8617 section 7."""
    oldest = (("header.oldest-pass", str(chain.oldest_pass)),) if chain.result == "pass" else ()
    return Method("arc", chain.result, chain.reason, oldest)


def without_claims(raw: bytes, authserv_id: str) -> bytes:
    """The mail without the Authentication-Results fields that claim to be ours, or that leave open whose they are
    (RFC 8601 section 5). Every other byte stays, but what of a header is longer than anybody reads.
    """
    if raw.startswith((b"\r\n", b"\n")):  # there is no header
        return raw
    blank = raw.find(b"\n\r\n") + 1 or len(raw)
    end = raw.find(b"\n\n", 0, blank) + 1 or blank
    if b"authentication-results" not in raw[:end].lower():  # a hundred times as fast as the expression
        return raw
    read = _read_whole(raw, end)
    rest = end if b"authentication-results" in raw[read:end].lower() else read
    kept, position = [], 0
    for start, stop in _claims(raw, read, authserv_id.lower().rstrip(".").encode()):
        if start >= position:
            kept.append(raw[position:start])
            position = stop
    return b"".join((*kept, raw[position:read], raw[rest:])) if kept or rest > read else raw


def _read_whole(raw: bytes, end: int) -> int:
    """Where the last field ends that is within the limit of a header; what follows is judged as one."""
    place = limits.HEADER_BYTES
    if end <= place:
        return end
    while (place := raw.rfind(b"\n", 0, place)) >= 0:
        if raw[place + 1 : place + 2] not in (b" ", b"\t"):
            return place + 1
    return 0


def _claims(raw: bytes, end: int, ours: bytes) -> Iterator[tuple[int, int]]:
    """Where fields begin and end that are to go."""
    around = 0, 0
    for found in _FIELD.finditer(raw, 0, end):
        any_end, _ = _line_end(_ANY_END, raw, found.end(), end)
        span = found.start(), any_end
        if not found.group().startswith(b"\r"):
            around = span = found.start(), _line_end(_FIELD_END, raw, found.end(), end)[1]
        values = raw[found.end() : any_end], raw[found.end() : span[1]]
        if any(_is_claim(value, ours) for value in values):
            # to who ends no line at a bare CR it is a part of the field around it, whose id may have ended in it
            yield around if span[0] < around[1] else span


def _line_end(pattern: re.Pattern[bytes], raw: bytes, start: int, stop: int) -> tuple[int, int]:
    """Where the field's last line ends, and the next one begins."""
    found = pattern.search(raw, start, stop)
    return found.span() if found else (stop, stop)


def _is_claim(value: bytes, ours: bytes) -> bool:
    claimed = _claimed_id(value)
    # an encoded word has no place here (RFC 2047 section 5), and some readers decode it all the same
    if claimed is None or not claimed.isascii() or b"=?" in claimed:
        return True
    # RFC 8601 section 2.2: a version may follow
    return claimed.startswith(ours) and _VERSION.fullmatch(claimed, len(ours)) is not None


def _claimed_id(value: bytes) -> bytes | None:
    """What stands before the first semicolon, without comments, quotes and white space, in lower case. None if it is
    empty, or ends inside a comment or quotes."""
    depth, quoted = 0, False
    text: list[bytes] = []
    for lexeme in _LEXEME.findall(value[:ID_BYTES]):
        if lexeme == b'"' and not depth:
            quoted = not quoted
        elif lexeme == b"(" and not quoted:
            depth += 1
        elif lexeme == b")" and depth:
            depth -= 1
        elif lexeme == b";" and not quoted and not depth:
            break
        elif not depth:
            text.append(lexeme.removeprefix(b"\\"))
    else:
        if len(value) > ID_BYTES:
            return None
    claimed = b"".join(b"".join(text).split()).lower()
    return claimed if claimed and not depth and not quoted else None


def _line(method: Method) -> str:
    words = [f"{method.name}={method.result}"]
    if method.reason:
        words.append(f"reason={_quoted(method.reason[:REASON_CHARS])}")
    words += (f"{name}={_value(value)}" for name, value in method.properties)
    return " ".join(words)


def _value(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and len(text) <= VALUE_CHARS else _quoted(text[:VALUE_CHARS])


def _quoted(text: str) -> str:
    text = _UNPRINTABLE.sub("?", text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
