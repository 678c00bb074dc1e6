"""Bounces written for people (qmail, Exim, Exchange, Yahoo, …): whom a notice speaks of, and what it says of each."""

import logging
import re
from collections.abc import Set
from email import message_from_bytes
from itertools import islice, pairwise

from tools.mail import limits
from tools.mail.charset import text_of
from tools.mail.headers import decode_words
from tools.mail.mime import Mail

_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,20}")
_ORIGINAL = re.compile(
    r"^[ \t>*#=_-]{0,80}(?:"
    r"below this line is a copy|this is a copy of|original message|below is a copy of|copy of (?:your|the) message"
    r"|the (?:header|first \d+ lines) of the original|unsent message|message headers? follow|included is a copy"
    r"|returned message|your (?:original )?message (?:follows|reads)|(?:received|return-path|dkim-signature):"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_REPLY = re.compile(r"(?<![\w./=+-])(?<!\S:)#?[45][0-5]\d(?![\w.])")
_CODE = re.compile(r"(?<![\w./=+-])(?<!\S:)#?[45](?:[0-5]\d|\.\d{1,3}\.\d{1,3})(?![\w.])")
_NAMED = re.compile(
    r"(?:rcpt to|final-recipient|original-recipient|recipients?|to)[ \t]{0,8}:[ \t]{0,8}(?:rfc822;)?[ \t<]{0,8}$",
    re.IGNORECASE,
)
_FAILED = ("user unknown", "unknown user", "no such user", "not found", "does not exist", "undeliverable", "over quota")
_REFUSALS = ("<<< 4", "<<< 5")
_MOST_PARTS = 20
_MOST_LINES = 500
_LINE_BYTES = 998
_BLOCK_LINES = 12


class Notice:
    """The text of a bounce up to the copy of the original mail."""

    def __init__(self, text: str) -> None:
        text = text[: limits.NOTICE_CHARS]
        cut = _ORIGINAL.search(text)
        self.text = text[: cut.start()] if cut else text
        self.original = text[cut.start() :] if cut else ""
        self._lines = self.text.splitlines()
        self._named = [frozenset(_addresses_in(line.lower())) for line in self._lines]
        self._places: dict[str, list[int]] = {}
        for place, named in enumerate(self._named):
            for address in named:
                self._places.setdefault(address, []).append(place)
        refused = {said for said, reply in pairwise(self._lines) if said[:3] == ">>>" and reply[:5] in _REFUSALS}
        self._refused = refused.pop() if len(refused) == 1 else ""
        """The command of a transcript that was refused."""

    def near(self, address: str, others: Set[str]) -> str:
        """What is said of an address: the first block that begins with it and holds a code, else the whole notice,
        or, where it speaks of others too, the first such block. All addresses in lower case."""
        ends = others - {address}
        blocks = [self._block(place, ends) for place in self._places.get(address, ())[:_BLOCK_LINES]]
        telling = next((block for code in (_REPLY, _CODE) for block in blocks if code.search(block)), "")
        if not telling and not ends:
            return self.text
        return f"{telling or next(iter(blocks), '')}\n{self._refused}"

    def in_order(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the addresses that it speaks of, as they stand in it; all where it speaks of none."""
        named = [address for address in addresses if address.lower() in self._places]
        return tuple(sorted(named, key=lambda address: self._places[address.lower()])) or addresses

    def only_address(self, ours: frozenset[str]) -> tuple[str, ...]:
        """The one address beside ours that it has."""
        found = {each.lower(): each for each in _addresses_in(self.text) if each.lower() not in ours}
        return tuple(found.values()) if len(found) == 1 else ()

    def _block(self, start: int, ends: Set[str]) -> str:
        end = start + 1
        while end < min(start + _BLOCK_LINES, len(self._lines)) and self._lines[end].strip():
            if not ends.isdisjoint(self._named[end]):
                break
            end += 1
        return "\n".join(self._lines[start:end])

    def addresses(self, ours: frozenset[str]) -> tuple[str, ...]:
        """Those the notice says something of: named as recipients, or in a paragraph with a code or a known phrase."""
        found: dict[str, None] = {}
        for paragraph in re.split(r"\n[ \t]*\n", self.text):
            lowered = paragraph.lower()
            failed = bool(_CODE.search(paragraph)) or any(phrase in lowered for phrase in _FAILED)
            for match in islice(_ADDRESS.finditer(paragraph), limits.REPORT_RECIPIENTS):
                before = paragraph[max(0, match.start() - 40) : match.start()]
                if failed or _NAMED.search(before):
                    found[match.group().strip("'")] = None
        return tuple(each for each in found if each.lower() not in ours)[: limits.REPORT_RECIPIENTS]


def failed_recipients(raw: bytes, mail: Mail, notice: Notice) -> tuple[str, ...]:
    """Whom the notice is about, by the surest source that names anybody. Never raises."""
    ours = frozenset(address.lower() for name in ("from", "to") for address in _in_fields(mail, name))
    return (
        _in_fields(mail, "x-failed-recipients")
        or notice.in_order(_by_library(raw, mail, ours))
        or notice.addresses(ours)
        or notice.only_address(ours)
        or _of_original(notice, ours)
    )


def _addresses_in(text: str) -> list[str]:
    return [found.strip("'") for found in islice(_ADDRESS.findall(text), limits.REPORT_RECIPIENTS)]


def _in_fields(mail: Mail, name: str) -> tuple[str, ...]:
    text = " ".join(decode_words(text_of(value)) for value in mail.header.all(name))
    return tuple(dict.fromkeys(_addresses_in(text)))


def _of_original(notice: Notice, ours: frozenset[str]) -> tuple[str, ...]:
    """The To field of the included original, the last resort: the notice itself names nobody."""
    field = re.search(r"^(?:to|x-original-to):[^\n]{0,500}", notice.original, re.IGNORECASE | re.MULTILINE)
    found = _ADDRESS.findall(field.group()) if field else []
    return tuple(each for each in found if each.lower() not in ours)[:1]


def _by_library(raw: bytes, mail: Mail, ours: frozenset[str]) -> tuple[str, ...]:
    """The addresses that flufl.bounce finds. It is given little and short-lined input: `email` recurses into parts,
    and its patterns are not bounded. What it takes for permanent is not asked: it is wrong in most doubtful cases."""
    if len(mail.parts) > _MOST_PARTS:
        return ()
    from flufl.bounce import all_failures

    # it logs each exception of a detector with its traceback, and raises it
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    lines = raw[: limits.NOTICE_CHARS].split(b"\n", _MOST_LINES)[:_MOST_LINES]
    small = b"\n".join(line[:_LINE_BYTES] for line in lines)
    try:
        temporary, permanent = all_failures(message_from_bytes(small))
    except Exception:  # whatever a detector stumbles over, another of our sources may still tell
        return ()
    found = sorted({text_of(each) for each in (*temporary, *permanent)})
    return tuple(each for each in found if _ADDRESS.fullmatch(each) and each.lower() not in ours)
