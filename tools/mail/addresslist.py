"""Address lists of received headers (RFC 5322 section 3.4), read tolerantly in one pass without recursion."""

import re
from collections.abc import Iterator, Sequence

from tools.mail import limits
from tools.mail.address import Address, domain_of
from tools.mail.charset import one_line, text_of
from tools.mail.headers import decode_words

_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_GLUE = (".", "@")
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"?)
      | (?P<angle><[^<>]*>?)
      | (?P<mark>[,;:()])
      | (?P<word>=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*\?=|[^"<>,;:()\s]+)
      | (?P<space>[\s>]+)""",
    re.VERBOSE | re.DOTALL,
)
_NOT_IN_ADDRESS = re.compile("[\x00-\x20\x7f-\xa0\ufffd\u2028\u2029\ud800-\udfff<>,;()]")
_ADDRESS_LIKE = re.compile(r"""[^\s<>,;:()\[\]"']+""")
_AT_SIGNS = str.maketrans("＠﹫", "@@")  # compatibility forms that mail clients show as @


def read_addresses(values: Sequence[bytes]) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    """The mailboxes of all values of one field, groups opened, and defect codes. Never raises.

    What has no address is left out. Names are decoded after the list is cut, so an encoded comma cuts nothing.
    """
    found: list[Address] = []
    for value in values:
        for words in _split(_with_even_quotes(text_of(value))):
            address = _mailbox(words)
            if address is None:
                continue
            if len(found) == limits.ADDRESSES:
                return tuple(found), ("too_many_addresses",)
            found.append(address)
    return tuple(found), ()


def looks_ambiguous(values: Sequence[bytes], authors: Sequence[Address]) -> bool:
    """Whether clients may disagree on whom a From field names, of which `authors` were read.

    True unless there is one field with one mailbox and, encoded display name and comments included, nothing else in it
    looks like an address: `From: ceo@bank.example <x@evil.example>` shows the first address in some clients.
    """
    if len(values) != 1 or len(authors) != 1:
        return True
    shown = decode_words(text_of(values[0])).translate(_AT_SIGNS)
    tokens = (token.strip(".") for token in _ADDRESS_LIKE.findall(shown))
    return len({token.lower() for token in tokens if "@" in token.strip("@")}) > 1


def _split(text: str) -> Iterator[list[tuple[str, str]]]:
    """The list cut at commas: for each mailbox its tokens as (kind, text), comments already one token."""
    words: list[tuple[str, str]] = []
    position = 0
    while token := _TOKEN.match(text, position):
        kind, content, position = token.lastgroup or "", token.group(), token.end()
        if content == "(":
            content, position = _comment(text, position)
            words.append(("comment", content))
        elif content == ":":  # a group's name, or the obsolete route before it: neither is part of a mailbox
            words = []
        elif kind == "mark":
            if content != ")":
                yield words
                words = []
        else:
            words.append((kind, content))
    yield words


def _with_even_quotes(text: str) -> str:
    """The text without its double quotes where one is never closed: it would swallow the address after it."""
    return text.replace('"', " ") if _ESCAPED.sub("", text).count('"') % 2 else text


def _comment(text: str, position: int) -> tuple[str, int]:
    """The comment that opened before `position`, and where it ends; nesting is counted, not descended."""
    depth, start = 1, position
    for mark in _COMMENT_MARK.finditer(text, position):
        depth += {"(": 1, ")": -1}.get(mark.group(), 0)
        if depth == 0:
            return text[start : mark.start()], mark.end()
    return text[start:], len(text)


def _mailbox(words: list[tuple[str, str]]) -> Address | None:
    angle = next((place for place, (kind, _) in enumerate(words) if kind == "angle"), None)
    if angle is None:
        email = next(filter(None, map(_email, _joined(words))), None)
        name = " ".join(content for kind, content in words if kind == "comment")
    else:
        email = _email(_COMMENT.sub("", words[angle][1].strip("<>")))
        name = "".join(_unquote(content) for kind, content in words[:angle] if kind != "comment")
    return Address(email, one_line(decode_words(name))[: limits.NAME_CHARS]) if email else None


def _joined(words: list[tuple[str, str]]) -> Iterator[str]:
    """The words of a mailbox without brackets; white space may stand at a dot or @ (RFC 5322 section 4.4)."""
    joined, apart = "", False
    for kind, content in words:
        if kind in ("space", "comment"):
            apart = True
        elif apart and joined and not joined.endswith(_GLUE) and not content.startswith(_GLUE):
            yield joined
            joined, apart = content, False
        else:
            joined, apart = joined + content, False
    yield joined


def _email(text: str) -> str | None:
    """The address with its domain in lower case, as A-label where it is one; None when it is not an address."""
    text = text.strip()
    if text.startswith("@") and ":" in text:  # obsolete route, RFC 5322 section 4.4
        text = text.rpartition(":")[2]
    local, at, domain = text.rpartition("@")
    if not (local.strip("@") and domain) or len(text) > limits.ADDRESS_CHARS or _NOT_IN_ADDRESS.search(text):
        return None
    return f"{local}{at}{domain.lower() if domain.isascii() else domain_of(text)}"


def _unquote(content: str) -> str:
    quoted = _QUOTED.match(content)
    return _ESCAPED.sub(r"\1", quoted.group(1)) if quoted else content
