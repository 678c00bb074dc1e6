"""Fuzz targets, one for each parser of hostile input: bytes in, and nothing raised but what the parser promises."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from server.delivery.replies import Garbled, ReplyReader
from server.smtp.proxy import read_proxy
from tools.errors import Refusal
from tools.mail.addresslist import looks_ambiguous, read_addresses
from tools.mail.auth import arc, dkim
from tools.mail.auth.dmarc import Vouched, check_dmarc
from tools.mail.auth.keys import Keys
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.spf import Sender, check_spf
from tools.mail.auth.zone import Zone
from tools.mail.htmltext import html_to_text
from tools.mail.lzfu import Malformed, unpacked
from tools.mail.parse import parse
from tools.mail.reports import read_report
from tools.mail.rtf import page_of
from tools.mail.signals import Field, find_signals
from tools.query import read_query

Target = Callable[[bytes], None]


def mime(data: bytes) -> None:
    """A received mail: every text in it can be stored, and the two halves hold nothing the body does not."""
    _storable(parse(data))


def smime(data: bytes) -> None:
    """A mail whose content is these bytes, as signed."""
    _storable(parse(b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: binary\n\n" + data))


def tnef(data: bytes) -> None:
    """A mail that Outlook put into these bytes."""
    _storable(parse(b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: binary\n\n" + data))


def rtf(data: bytes) -> None:
    """RTF as it is, and packed."""
    _storable(page_of(data))
    with suppress(Malformed):
        _storable(page_of(unpacked(data)))


def report(data: bytes) -> None:
    _storable(read_report(data))


def html(data: bytes) -> None:
    text, _ = html_to_text(data.decode("utf-8", "replace"))
    _storable(text)


def addresses(data: bytes) -> None:
    fields = data.split(b"\0")
    found, _ = read_addresses(fields)
    looks_ambiguous(fields, found)
    _storable(found)


def replies(data: bytes) -> None:
    """What a server answers reads the same in one piece and byte by byte."""
    assert _heard([data]) == _heard([data[place : place + 1] for place in range(len(data))])


def proxy(data: bytes) -> None:
    with suppress(ValueError):
        read_proxy(data)


def query(data: bytes) -> None:
    with suppress(Refusal):
        read_query(data.decode("utf-8", "replace"))


def steering(data: bytes) -> None:
    """Every sign is a place in its text, and its excerpt is what stands there."""
    text = data.decode("utf-8", "replace").replace("\0", "")
    for signal in find_signals([Field("text", text), Field("hidden", text, unseen=True)]):
        assert 0 <= signal.start < signal.end <= len(text)
        assert text[signal.start : signal.end].startswith(signal.excerpt)


def signatures(data: bytes) -> None:
    """DKIM and ARC verification of a mail whose keys are in the fuzzed bytes too."""
    key, _, raw = data.partition(b"\0")
    zone = Zone({"s._domainkey.example.org": {"TXT": [key.decode("latin-1")]}})
    mail = SignedMail(raw)
    asyncio.run(_verify(mail, zone))


async def _verify(mail: SignedMail, zone: Zone) -> None:
    await dkim.verify(mail, zone, Keys(), 1_800_000_000)
    await arc.validate(mail, zone, Keys())


def senders(data: bytes) -> None:
    """SPF and DMARC of an envelope, with the records of its domain in the fuzzed bytes too."""
    spf, _, rest = data.partition(b"\0")
    dmarc, _, envelope = rest.partition(b"\0")
    helo, _, mail_from = envelope.decode("utf-8", "replace").partition("\0")
    records = {"TXT": [spf.decode("latin-1")], "A": ["192.0.2.1"], "MX": [[1, "example.org"]]}
    zone = Zone({"example.org": records, "_dmarc.example.org": {"TXT": [dmarc.decode("latin-1")]}})
    asyncio.run(_check(Sender("192.0.2.1", helo, mail_from), zone))


async def _check(sender: Sender, zone: Zone) -> None:
    found = await check_spf(sender, zone)
    _storable((found.domain, found.explanation))
    await check_dmarc("a.example.org", [Vouched("spf", found.domain)], zone)


def _heard(pieces: list[bytes]) -> list[object]:
    reader, heard = ReplyReader(), list[object]()
    try:
        for piece in pieces:
            heard.extend(reader.feed(piece))
    except Garbled:
        heard.append(Garbled)
    return heard


def _storable(value: object) -> None:
    """PostgreSQL holds no NUL, and UTF-8 no half of a character."""
    for text in _texts(value):
        assert "\0" not in text
        text.encode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from _texts((*value, *value.values()))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _texts(each)


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        mime,
        smime,
        tnef,
        rtf,
        report,
        html,
        addresses,
        replies,
        proxy,
        query,
        steering,
        signatures,
        senders,
    )
}
