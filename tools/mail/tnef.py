"""TNEF (winmail.dat): what Outlook's sender wrote and attached (MS-OXTNEF), read within limits.

Its body is in up to three forms, its files are by themselves; a message attached to it becomes a mail with TNEF inside.
"""

import base64
from dataclasses import dataclass, field, replace

from tools.mail import limits
from tools.mail.charset import charset_of_page, decode, one_line
from tools.mail.mapi import Cursor, Malformed, Properties, charset_of, read_properties

_SIGNATURE = 0x223E9F78
_SUBJECT, _BODY, _CLASS, _PROPERTIES, _CODEPAGE = 0x00018004, 0x0002800C, 0x00078008, 0x00069003, 0x00069007
_RENDERING, _TITLE, _DATA, _OF_ATTACHMENT = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
_OF_FILES = 2
"""The level of attributes that are about a file."""

_P_CLASS, _P_SUBJECT, _P_BODY, _P_RTF, _P_HTML, _P_CODEPAGE = 0x001A, 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
_P_SENDER, _P_SENDER_ADDRESS = 0x0C1A, 0x5D01
_P_DATA, _P_SHORT_NAME, _P_NAME, _P_TYPE, _P_ID, _P_TITLE = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712, 0x3001
_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")
"""What an object that is a message begins with (IID_IMessage)."""
_OBJECT_KIND_BYTES = 16


@dataclass(frozen=True, slots=True)
class File:
    """An attached file. `name` and `content_type` are as the sender says, '' where there is none; `inline` is one that
    the page shows in its text."""

    name: str
    content_type: str
    content: bytes
    inline: bool


@dataclass(frozen=True, slots=True)
class Tnef:
    """`kind` is the message class, such as IPM.Note. `text`, `page` (HTML) and `rtf` (packed) are renderings of the
    body, empty where absent. `whole` is whether all of it could be read."""

    kind: str
    subject: str
    text: str
    page: str
    rtf: bytes
    properties: Properties
    files: tuple[File, ...]
    whole: bool


@dataclass(slots=True)
class _Attributes:
    """What was read so far: of the message, and of each file, by attribute."""

    message: dict[int, memoryview] = field(default_factory=dict)
    files: list[dict[int, memoryview]] = field(default_factory=list)
    whole: bool = True


def read_tnef(data: bytes) -> Tnef:
    """What is inside. Raises Malformed where it is no TNEF; one that breaks off is read up to there."""
    found = _attributes(data)
    message = _message(found)
    files = tuple(_file(each, message.properties.charset) for each in found.files)
    return replace(message, files=files)


def _attributes(data: bytes) -> _Attributes:
    cursor, found = Cursor(memoryview(data)), _Attributes()
    if cursor.number() != _SIGNATURE:
        raise Malformed
    try:
        cursor.take(2)
        for _ in range(limits.TNEF_ATTRIBUTES):
            if cursor.at == len(data):
                return found
            level, name = cursor.number("B"), cursor.number()
            content = cursor.take(cursor.number())
            cursor.take(2)
            if level != _OF_FILES:
                found.message.setdefault(name, content)
                continue
            if name == _RENDERING or not found.files:
                found.files.append({})
            found.files[-1].setdefault(name, content)
    except Malformed:
        pass
    found.whole = False
    return found


def _message(found: _Attributes) -> Tnef:
    """The message without its files."""
    codepage = int.from_bytes(found.message.get(_CODEPAGE, b"")[:4], "little")
    charset = charset_of(codepage) if codepage else ""
    properties = _properties(found.message, _PROPERTIES, charset)
    page = properties.data(_P_HTML)
    internet = properties.number(_P_CODEPAGE)
    return Tnef(
        kind=_text(found.message, _CLASS, charset) or properties.text(_P_CLASS),
        subject=properties.text(_P_SUBJECT) or _text(found.message, _SUBJECT, charset),
        text=properties.text(_P_BODY) or _text(found.message, _BODY, charset),
        page=properties.text(_P_HTML) or decode(page, charset_of(internet) if internet else charset_of_page(page))[0],
        rtf=properties.data(_P_RTF),
        properties=properties,
        files=(),
        whole=found.whole and properties.whole,
    )


def _file(attributes: dict[int, memoryview], charset: str) -> File:
    properties = _properties(attributes, _OF_ATTACHMENT, charset)
    name = properties.text(_P_NAME, _P_SHORT_NAME) or _text(attributes, _TITLE, charset) or properties.text(_P_TITLE)
    content = properties.data(_P_DATA)
    if properties.is_object(_P_DATA):
        inside = content[_OBJECT_KIND_BYTES:]
        if content.startswith(_MESSAGE):
            return _attached_message(name, inside)
        return File(name, "", inside, inline=False)
    inline = bool(properties.text(_P_ID))
    return File(name, properties.text(_P_TYPE).lower(), bytes(attributes.get(_DATA, b"")) or content, inline)


def _attached_message(name: str, inside: bytes) -> File:
    """A message that is attached, as a mail whose only part is what it is here: TNEF."""
    try:
        message = _message(_attributes(inside))
    except Malformed:
        return File(name, "", inside, inline=False)
    sender = f"{message.properties.text(_P_SENDER)} <{message.properties.text(_P_SENDER_ADDRESS)}>"
    fields = {
        "Subject": message.subject,
        "From": "" if sender == " <>" else sender,
        "Content-Type": "application/ms-tnef",
        "Content-Transfer-Encoding": "base64",
    }
    head = "".join(f"{field}: {one_line(value)}\n" for field, value in fields.items() if value)
    title = (name or message.subject or "message").removesuffix(".msg")
    return File(f"{title}.eml", "message/rfc822", f"{head}\n".encode() + base64.encodebytes(inside), inline=False)


def _properties(attributes: dict[int, memoryview], name: int, charset: str) -> Properties:
    content = attributes.get(name)
    return Properties({}, charset) if content is None else read_properties(content, charset)


def _text(attributes: dict[int, memoryview], name: int, charset: str) -> str:
    return decode(bytes(attributes.get(name, b"")).rstrip(b"\0"), charset)[0]
