"""Domains that look like one the mailbox knows: other scripts, look-alike letters, one letter off."""

import unicodedata

from policies.decision import Finding, Verdict
from policies.evidence import listed, quoted
from policies.facts import Outbound
from policies.phishing import registered

LONG_NAME = 7
"""From this length on, one letter's difference is more likely a slip or a trick than another company."""
_DOMAIN = 253
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
# Letters that a reader takes for the Latin one (a part of Unicode TS 39's confusables, those of whole words).
_TWINS = (
    str.maketrans("аеорсухіјѕԁԛԝһӏкмтв", "aeopcyxijsdqwhlkmtb")
    | str.maketrans("αονρτυχικηωγε", "aovptuxiknwye")
    | str.maketrans("օսոհցզıɑɡłøđ", "ounhgqiaglod")
)
_LOOKS = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("5", "s"), ("i", "l"))


def look_alike(facts: Outbound) -> Finding | None:
    """A recipient whose domain can be taken for a known one waits for a person."""
    if facts.approver is not None:
        return None
    if facts.correspondents is None or facts.familiar_domains is None:
        raise LookupError("nobody looked up whom the mailbox knows")
    found = []
    for each in facts.correspondents:
        if not each.allowlisted and each.domain not in facts.familiar_domains:
            told = resemblance(each.domain, facts.familiar_domains)
            found += [f"{quoted(each.address)} {told}"] if told else []
    return Finding("look_alike", Verdict.HOLD, f"A recipient's domain misleads: {listed(found)}.") if found else None


def resemblance(domain: str, familiar: tuple[str, ...]) -> str:
    """What the domain can be taken for, in words; '' when it stands for itself."""
    shown = as_shown(domain)
    for label in shown.split("."):
        alphabets = scripts(label)
        if len(alphabets) > 1:
            return f"mixes the letters of {' and '.join(sorted(alphabets))} in one word"
        # a whole word of twins under a Latin ending; under its own, such as .рф, it is an ordinary name
        if alphabets - {"Latin"} and shown.rpartition(".")[2].isascii() and skeleton(label).isascii():
            return f"has {quoted(label)}, which is not written in the Latin letters it seems to be"
    name = registered(shown)
    for known in familiar:
        other = registered(as_shown(known))
        if name != other and (skeleton(name) == skeleton(other) or _one_off(name, other)):
            return f"looks like {quoted(known)}, which this mailbox knows"
    return ""


def scripts(label: str) -> set[str]:
    """The alphabets a word is written in, among those that can be mistaken for each other."""
    if label.isascii():
        return {"Latin"} if any(map(str.isalpha, label)) else set()
    names = {unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha()}
    return {name.capitalize() for name in names.intersection(_SCRIPTS)}


def skeleton(domain: str) -> str:
    """The domain as the eye takes it: twins become the Latin letter, accents fall away."""
    text = domain[:_DOMAIN].lower()
    if not text.isascii():
        letters = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in letters if not unicodedata.combining(letter)).translate(_TWINS)
    for look, letter in _LOOKS:
        text = text.replace(look, letter)
    return text


def as_shown(domain: str) -> str:
    """The domain as a mail program shows it: A-labels decoded (RFC 5891 section 4.4)."""
    return ".".join(map(_decoded, domain[:_DOMAIN].lower().split(".")))


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode().decode("punycode")
    except UnicodeError:
        return label


def _one_off(name: str, other: str) -> bool:
    """Whether two long names under the same suffix differ in one letter, or in two that changed places."""
    (first, _, suffix), (second, _, other_suffix) = name.partition("."), other.partition(".")
    if suffix != other_suffix or min(len(first), len(second)) < LONG_NAME:
        return False
    return within_one(first, second)


def within_one(first: str, second: str) -> bool:
    """Whether one insertion, removal, replacement or exchange of neighbours makes the one the other. Linear."""
    if abs(len(first) - len(second)) > 1:
        return False
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    one, two = first[start:], second[start:]
    exchanged = one[:2] == two[:2][::-1] and one[2:] == two[2:]
    return exchanged or one[1:] == two[1:] or one[1:] == two or one == two[1:]
