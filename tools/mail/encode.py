"""How Unicode becomes the ASCII of a header: encoded words, mailbox phrases, file names and folding.

Tokens are pieces of a header value that must not be broken; every one but the first begins with the space or
spaces it stands after, so that folding before it changes nothing (RFC 5322 section 2.2.3).
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import AnyStr
from urllib.parse import quote

from tools.mail.address import Address

# RFC 2047 section 2: a line holding an encoded word has at most 76 characters, the word at most 75.
LINE = 76
_WORD_FRAME = len("=?utf-8?q??=")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_FILE_NAME = re.compile(r"[A-Za-z0-9_.+@()-]+(?: [A-Za-z0-9_.+@()-]+)*")
_FILE_NAME_LIMIT = 50
# RFC 2047 section 5 (3): the only characters a phrase may hold as they are; the others are =XX, the space is _.
_Q = [chr(o) if re.fullmatch("[A-Za-z0-9!*+/-]", chr(o)) else "_" if o == 0x20 else f"={o:02X}" for o in range(256)]


def fold(name: str, tokens: Iterable[str]) -> str:
    """One header field, CRLF included, with a new line before each token that would pass column 76."""
    lines = [f"{name}: "]
    for index, token in enumerate(tokens):
        if index and len(lines[-1]) + len(token) > LINE:
            lines.append(token)
        else:
            lines[-1] += token
    return "\r\n".join(lines) + "\r\n"


def text_tokens(text: str, room: int, longest: int) -> list[str]:
    """Unstructured text: its words when they are ASCII of at most `longest` characters, else encoded words."""
    words = re.findall(" *[^ ]+", text)
    plain = text.isascii() and "=?" not in text and text == text.strip(" ")
    if plain and all(len(word) <= longest for word in words):
        return words
    return encoded_words(text, room)


def mailbox_tokens(address: Address, room: int) -> list[str]:
    """A mailbox as in RFC 5322 section 3.4: the name as atoms, quoted string or encoded words, then the address."""
    if not address.name:
        return [address.email]
    return [*_phrase(address.name, room), f" <{address.email}>"]


def list_tokens(addresses: Sequence[Address], room: int) -> Iterator[str]:
    """Mailboxes with commas between them."""
    for index, address in enumerate(addresses):
        first, *others = mailbox_tokens(address, room)
        tokens = [f" {first}" if index else first, *others]
        if index < len(addresses) - 1:
            tokens[-1] += ","
        yield from tokens


def encoded_words(text: str, room: int) -> list[str]:
    """RFC 2047 encoded words of at most `room` characters, Q or B, whichever is shorter; no character is split."""
    octets = [character.encode() for character in text]
    quoted = ["".join(_Q[octet] for octet in character) for character in octets]
    space = room - _WORD_FRAME
    if 3 * sum(map(len, quoted)) <= 4 * sum(map(len, octets)):
        words = [f"=?utf-8?q?{''.join(run)}?=" for run in _runs(quoted, space)]
    else:
        words = [f"=?utf-8?b?{b64encode(b''.join(run)).decode()}?=" for run in _runs(octets, space // 4 * 3)]
    return [f" {word}" if index else word for index, word in enumerate(words)]


def file_name_tokens(name: str) -> list[str]:
    """The file name as a parameter of Content-Disposition, percent-encoded where ASCII will not do (RFC 2231)."""
    if _FILE_NAME.fullmatch(name) and len(name) <= _FILE_NAME_LIMIT:
        return [f' filename="{name}"']
    escaped = [quote(character, safe="") for character in name]
    first, *others = ["".join(run) for run in _runs(escaped, _FILE_NAME_LIMIT)]
    if not others:
        return [f" filename*=utf-8''{first}"]
    continued = [f" filename*{number}*={segment};" for number, segment in enumerate(others, 1)]
    return [f" filename*0*=utf-8''{first};", *continued[:-1], continued[-1].rstrip(";")]


def ascii_file_name(name: str) -> str:
    """The end of the file name with _ for what is not plain: for readers that do not know RFC 2231."""
    return re.sub("[^A-Za-z0-9_.+@()-]", "_", name)[-_FILE_NAME_LIMIT:]


def _phrase(name: str, room: int) -> list[str]:
    """A display name in the plainest form that can hold it."""
    readable = "=?" not in name and len(name) < room
    if readable and _ATOMS.fullmatch(name):
        return re.findall(" ?[^ ]+", name)
    if readable and name.isascii():
        return ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"']
    return encoded_words(name, room)


def _runs(pieces: Iterable[AnyStr], limit: int) -> Iterator[list[AnyStr]]:
    """The pieces in order, grouped so that no group is longer than `limit`."""
    run: list[AnyStr] = []
    length = 0
    for piece in pieces:
        if run and length + len(piece) > limit:
            yield run
            run, length = [], 0
        run.append(piece)
        length += len(piece)
    yield run
