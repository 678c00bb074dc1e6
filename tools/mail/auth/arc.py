"""Authenticated Received Chain (RFC 8617): what forwarders found before they changed a mail, each sealing the last."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tools.mail.auth.claim import Cover, Seal, check_signature, number, read_cover, read_seal, tag
from tools.mail.auth.keys import Key, Keys, Unverified
from tools.mail.auth.resolver import Resolver
from tools.mail.auth.signed import SMALL, SignedMail
from tools.mail.auth.tags import read_tags, unsigned
from tools.mail.canonical import relaxed_field

MAX_SETS = 50  # section 4.2.1
MAX_KEYS = 20
"""Distinct keys looked up for one mail; longer chains go to and fro between few servers."""

_RESULTS, _MESSAGE, _SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_INSTANCE = re.compile(r"[1-9][0-9]?")
_RESULTS_INSTANCE = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([1-9][0-9]?)[ \t\r\n]*;")


@dataclass(frozen=True, slots=True)
class Chain:
    """The validation status of a mail's chain."""

    result: Literal["none", "pass", "fail"]
    reason: str = ""
    """In words, why it fails."""
    sealers: tuple[str, ...] = ()
    """Domains of the seals, the first forwarder first; to be believed of a chain that passes alone."""
    oldest_pass: int = 0
    """The instance from which on nothing that is signed was changed, 0 where it never was (section 5.2)."""


@dataclass(frozen=True, slots=True)
class _Set:
    """What one forwarder added."""

    lines: tuple[bytes, bytes, bytes]
    """Results, message signature and seal, in the order in which they are sealed."""
    status: str
    """cv=, what the forwarder found of the chain before it."""
    seal: Seal
    message: Seal
    cover: Cover


_Found = dict[tuple[str, str, str], tuple[Key, ...] | Unverified]


async def validate(mail: SignedMail, resolver: Resolver, keys: Keys) -> Chain:
    """By section 5.2. Never raises for what a mail says; a key that cannot be looked up just now fails the chain."""
    if not any(map(mail.all, (_RESULTS, _MESSAGE, _SEAL))):
        return Chain("none")
    try:
        sets = _sets(mail)
    except Unverified as refusal:
        return Chain("fail", refusal.reason)
    sealers = tuple(each.seal.domain for each in sets)
    found = await _look_up(sets, resolver, keys)

    def judge() -> Chain:
        try:
            _check(mail, sets, found)
        except Unverified as refusal:
            return Chain("fail", refusal.reason, sealers)
        return Chain("pass", "", sealers, _oldest_pass(mail, sets, found))

    return judge() if mail.size <= SMALL else await asyncio.to_thread(judge)


def _check(mail: SignedMail, sets: list[_Set], found: _Found) -> None:
    """The newest message signature and every seal. Raises Unverified."""
    _check_message(mail, sets[-1], found)
    sealed = b""
    for each in sets:
        results, message, seal = each.lines
        # section 5.1.1: all sets so far, oldest first, always in the relaxed form
        sealed += b"".join(relaxed_field(line) + b"\r\n" for line in (results, message))
        check_signature(each.seal, sealed + relaxed_field(unsigned(seal)), _keys(each.seal, found))
        sealed += relaxed_field(seal) + b"\r\n"


def _check_message(mail: SignedMail, one: _Set, found: _Found) -> None:
    if added := mail.added(one.cover.names):
        raise Unverified("fail", f"a second {added} was added")
    if not one.cover.covers_body(mail):
        raise Unverified("fail", "the end of the body is not signed")
    one.cover.check(mail, unsigned(one.lines[1]), one.message, _keys(one.message, found))


def _oldest_pass(mail: SignedMail, sets: list[_Set], found: _Found) -> int:
    for instance in range(len(sets) - 1, 0, -1):
        try:
            _check_message(mail, sets[instance - 1], found)
        except Unverified:
            return instance + 1
    return 0


async def _look_up(sets: list[_Set], resolver: Resolver, keys: Keys) -> _Found:
    """The keys of all signatures, the newest sets' first, each looked up once."""
    wanted = list({_name(seal): seal for each in reversed(sets) for seal in (each.message, each.seal)}.values())

    async def published(seal: Seal) -> tuple[Key, ...] | Unverified:
        try:
            return await keys.published(resolver, seal.selector, seal.domain, seal.kind)
        except Unverified as refusal:
            return refusal

    found = await asyncio.gather(*map(published, wanted[:MAX_KEYS]))
    return dict(zip(map(_name, wanted), found, strict=False))


def _name(seal: Seal) -> tuple[str, str, str]:
    return seal.domain, seal.selector, seal.kind


def _keys(seal: Seal, found: _Found) -> tuple[Key, ...]:
    keys = found.get(_name(seal), Unverified("fail", "there are too many keys"))
    if isinstance(keys, Unverified):
        raise Unverified("fail", f"{seal.domain}: {keys.reason}")
    return keys


def _sets(mail: SignedMail) -> list[_Set]:
    """The sets from the oldest. Raises Unverified where they do not make a chain (section 5.2 steps 1 to 3)."""
    if mail.too_long:
        raise Unverified("fail", "the header is too long")
    results = _by_instance(mail.all(_RESULTS), _results_instance)
    messages = _by_instance(mail.all(_MESSAGE), _instance)
    seals = _by_instance(mail.all(_SEAL), _instance)
    instances = range(1, len(seals) + 1)
    if not (set(results) == set(messages) == set(seals) == set(instances)):
        raise Unverified("fail", "the sets are not complete")
    sets = [_set(results[i], messages[i], seals[i]) for i in instances]
    if sets[-1].status == "fail":
        raise Unverified("fail", "the chain was sealed as failed")
    if [each.status for each in sets] != ["none", *["pass"] * (len(sets) - 1)]:
        raise Unverified("fail", "cv= does not fit its place")
    return sets


def _by_instance(lines: list[bytes], instance_of: Callable[[bytes], int]) -> dict[int, bytes]:
    if len(lines) > MAX_SETS:
        raise Unverified("fail", "there are too many sets")
    found = {instance_of(line.partition(b":")[2]): line for line in lines}
    if len(found) < len(lines):
        raise Unverified("fail", "an instance is there twice")
    return found


def _results_instance(value: bytes) -> int:
    """Section 4.1.1: it comes first, before anything of Authentication-Results."""
    found = _RESULTS_INSTANCE.match(value)
    return _counted(found.group(1).decode() if found else "")


def _instance(value: bytes) -> int:
    return _counted(_tags(value).get("i", ""))


def _counted(text: str) -> int:
    if not _INSTANCE.fullmatch(text) or int(text) > MAX_SETS:
        raise Unverified("fail", "a field has no sound instance")
    return int(text)


def _tags(value: bytes) -> dict[str, str]:
    try:
        return read_tags(value)
    except ValueError as error:
        raise Unverified("fail", str(error)) from error


def _set(results: bytes, message: bytes, seal: bytes) -> _Set:
    of_message, of_seal = _tags(message.partition(b":")[2]), _tags(seal.partition(b":")[2])
    if "h" in of_seal:  # section 4.1.3
        raise Unverified("fail", "a seal has h=")
    for tags in (of_message, of_seal):
        number(tags, "t")
    cover = read_cover(of_message, "relaxed/relaxed")
    if _SEAL in cover.names:  # section 4.1.2
        raise Unverified("fail", "a message signature covers a seal")
    return _Set((results, message, seal), tag(of_seal, "cv"), read_seal(of_seal), read_seal(of_message), cover)
