"""Secrets in a mail: keys, tokens, passwords, card numbers. Every search is linear; what is found is masked."""

import re
import string
from collections.abc import Iterator

from policies.decision import Finding, Verdict
from policies.evidence import listed, masked
from policies.facts import Content, Outbound, content_of

# Possessive repeats and what may not stand before a match keep every search linear: no character is tried twice.
_OWN_KEY = re.compile(r"(?<![A-Za-z0-9_-])gp_[A-Za-z0-9_-]{40,100}+")
_PRIVATE_KEY = re.compile(r"-----BEGIN ((?:[A-Z0-9]{1,20}+ ){0,4}PRIVATE KEY)")
_TOKEN_SHAPES = (
    r"A(?:KIA|SIA)[0-9A-Z]{16}",  # AWS
    r"gh[opsur]_[A-Za-z0-9]{36,255}+",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}+",
    r"glpat-[A-Za-z0-9_-]{20,255}+",  # GitLab
    r"xox[abeprs]-[A-Za-z0-9-]{10,255}+",  # Slack
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}+",  # Stripe
    r"AIza[0-9A-Za-z_-]{35}",  # Google
    r"ya29\.[0-9A-Za-z_-]{20,2048}+",
    r"sk-(?=[a-z-]{0,20}[A-Z0-9])[A-Za-z0-9_-]{32,255}+",  # OpenAI, Anthropic
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,255}+",
    r"SG\.[A-Za-z0-9_-]{16,64}+\.[A-Za-z0-9_-]{16,64}+",  # SendGrid
    r"eyJ[A-Za-z0-9_-]{10,4096}+\.eyJ[A-Za-z0-9_-]{10,4096}+\.[A-Za-z0-9_-]{10,4096}+",  # RFC 7519
)
_TOKEN = re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(_TOKEN_SHAPES)})(?![A-Za-z0-9])")
_LOGIN_IN_URL = re.compile(r"\b[a-z]{2,10}://[^\s/:@]{1,64}+:([^\s/@]{3,128}+)@", re.IGNORECASE)
_PASSWORD = re.compile(
    r"\b(?:password|passphrase|passcode|passwort|kennwort|pwd|mot de passe|contraseña)"
    r"[*_`]{0,3}(?:\s{0,3}[:=]|\s{1,3}(?:is|lautet|est|es)\s{0,1}:?)\s{0,3}([^\s<>|]{4,128}+)",
    re.IGNORECASE,
)
_PIN = re.compile(r"\bPIN(?:\s{0,3}[:=]|\s{1,3}is)\s{0,3}(\d{4,8}+)(?!\w)")
_GLUED = re.compile(r"[\w.+]")
_CARD_GROUPS = 6
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|3[068]\d{12}"
)


def _shapes(characters: str) -> bytes:
    """A table for `bytes.translate`: an x for each of the characters, a space for any other."""
    return bytes(ord("x") if chr(code) in characters else ord(" ") for code in range(256))


# What no match is without. Most mails hold little of it, and to look for it takes a fraction of the search's time.
_OF_TOKENS, _SHORTEST_TOKEN = _shapes(f"{string.ascii_letters}{string.digits}_.-"), 15
_OF_CARDS, _SHORTEST_CARD = _shapes(f"{string.digits} -"), 13
_PASSWORD_MARKS = ("pass", "kennwort", "pwd", "contraseña")
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))


def own_key(facts: Outbound) -> Finding | None:
    """Gatepost's own key never leaves: whoever has it is the agent."""
    text = _visible(content_of(facts))
    found = [masked(match) for match in _OWN_KEY.findall(text)] if "gp_" in text else []
    if not found:
        return None
    reason = f"The mail holds a key of this server ({listed(found)}). Take it out; have the key revoked if it got away."
    return Finding("own_key", Verdict.DENY, reason, code="content_blocked")


def secret(facts: Outbound) -> Finding | None:
    """A secret in the mail waits for a person, in every mode (DESIGN section 7)."""
    if facts.approver is not None:
        return None
    content = content_of(facts)
    found = [*_keys(content), *_in_text(_visible(content))]
    if not found:
        return None
    return Finding("secret", Verdict.HOLD, f"The mail seems to hold a secret: {listed(found)}.")


def _visible(content: Content) -> str:
    """Subject and text without the characters that show as nothing and would split a token."""
    text = f"{content.subject}\n{content.text}"
    return text if text.isascii() else text.translate(_INVISIBLE)


def _keys(content: Content) -> Iterator[str]:
    for kind in _PRIVATE_KEY.findall(content.text):
        yield f"a {kind.lower()}"
    for file in content.files:
        if _PRIVATE_KEY.match(file.head.decode("latin-1")):
            yield f"a private key in the attachment {file.name!r}"


def _in_text(text: str) -> Iterator[str]:
    for start, end in _runs(text, _OF_TOKENS, _SHORTEST_TOKEN):
        yield from (f"an access token ({masked(token)})" for token in _TOKEN.findall(text, start, end))
    if "@" in text and "://" in text:
        yield from (f"a password in a link ({masked(word)})" for word in _LOGIN_IN_URL.findall(text))
    folded = text.casefold()
    if any(mark in folded for mark in _PASSWORD_MARKS):
        chosen = filter(_looks_chosen, _PASSWORD.findall(text))
        yield from (f"a password in clear ({masked(word)})" for word in chosen)
    if "PIN" in text:
        yield from (f"a PIN in clear ({masked(word)})" for word in _PIN.findall(text))
    for number in card_numbers(text):
        yield f"a card number ({masked(number)})"


def _runs(text: str, shapes: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """From where to where at least so many characters of the kind stand in a row."""
    shape = text.encode("ascii", "replace").translate(shapes) + b" "
    start = shape.find(b"x" * shortest)
    while start >= 0:
        end = shape.index(b" ", start)
        yield start, end
        start = shape.find(b"x" * shortest, end)


def _looks_chosen(word: str) -> bool:
    """Whether what follows 'password:' is one, and not the next word of a sentence or a link."""
    word = word.strip("\"'`*.,;!?()[]")
    if len(word) < 6 or "://" in word or "@" in word.strip("@"):
        return False
    return any(letter.isdigit() for letter in word) or bool(re.search(r"[^\w'’/-]", word))


def card_numbers(text: str) -> Iterator[str]:
    """Payment card numbers, written in one piece or in groups: a known brand's length, and Luhn's check digit."""
    for start, end in _runs(text, _OF_CARDS, _SHORTEST_CARD):
        groups = re.split("[ -]", text[start:end])
        if start and _GLUED.match(text, start - 1):
            del groups[0]  # part of a word, a decimal or an international telephone number
        for first in range(len(groups)):
            digits = ""
            for group in groups[first : first + _CARD_GROUPS]:
                digits += group
                # cards are grouped 4-4-4-4 or 4-6-5; telephone numbers are not
                if len(digits) > 19 or len(group) < 3 or 4 != len(groups[first]) < len(digits):
                    break
                if _CARD.fullmatch(digits) and luhn(digits):
                    yield digits


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1 annex B)."""
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)) % 10 == 0
