"""What in a sender's name and addresses should make a reader careful: signs of somebody posing as somebody else."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from policies.evidence import quoted
from policies.lookalike import as_shown, resemblance, scripts, skeleton
from policies.phishing import registered

MAX_NAME = 500
_AT_SIGNS = str.maketrans("＠﹫", "@@")
_ADDRESS = re.compile(r"[^\s<>,;:()\[\]\"'@]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_DOMAIN = re.compile(r"(?<![\w@.-])[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?![\w@-])")
_WORD = re.compile(r"[^\W\d_]+")
# what no name needs: they are not seen, or turn around what is (Unicode categories of format and of odd spaces)
_UNSEEN = frozenset({"Cf", "Cc", "Co", "Cn", "Cs"})
_JOINERS = "\u200c\u200d"
"""Needed between letters of Indic scripts and of Persian, and inside emoji; odd beside a Latin letter."""


@dataclass(frozen=True, slots=True)
class Author:
    """How a mail presents who wrote it, and what the mailbox knows of them."""

    address: str
    domain: str
    """As A-label, in lower case."""
    name: str
    reply_to: tuple[str, ...] = ()
    """Addresses that answers are to go to."""
    known: bool = False
    """The mailbox has had mail from the address, or written to it."""
    domain_known: bool = False
    verified: bool | None = None
    """Whether the domain vouches for the mail; None where nobody asked it."""
    familiar: tuple[str, ...] = ()
    """The account's own domains and those of the mailbox's correspondents, as A-labels."""


@dataclass(frozen=True, slots=True)
class Caution:
    """One sign: a code, and a sentence with nothing of the mail in it but pieces of addresses."""

    code: str
    text: str


def cautions(author: Author) -> tuple[Caution, ...]:
    """All signs, the gravest first."""
    return (*_of_name(author), *_of_address(author), *_of_replies(author))


def _of_name(author: Author) -> Iterator[Caution]:
    shown = unicodedata.normalize("NFKC", author.name[:MAX_NAME].translate(_AT_SIGNS))
    plain = "".join(filter(_is_seen, shown)).lower()
    own = f"{author.address.rpartition('@')[0].lower()}@{as_shown(author.domain)}"
    foreign = [found[0] for found in _ADDRESS.finditer(plain) if found[0] not in (own, author.address.lower())]
    if foreign:
        text = f"The name shows {quoted(foreign[0])}; the mail is from {quoted(author.address)}."
        yield Caution("name_shows_address", text)
    else:
        yield from _of_domain_in_name(author, plain)
    if hides(author.name):
        yield Caution(
            "name_has_hidden_characters", "The name has characters that are not seen, or that turn it around."
        )
    if _is_masked(shown):
        yield Caution("name_mixes_alphabets", "The name has words of look-alike letters out of other alphabets.")


def _of_domain_in_name(author: Author, name: str) -> Iterator[Caution]:
    """A name such as `bank.example`, of a domain that the mailbox knows and the mail is not from."""
    own = registered(author.domain)
    known = {registered(domain) for domain in author.familiar} - {own}
    for found in _DOMAIN.findall(name):
        if registered(found) in known:
            yield Caution(
                "name_shows_domain", f"The name shows {quoted(found)}; the mail is from {quoted(author.address)}."
            )
            return


def _of_address(author: Author) -> Iterator[Caution]:
    local = author.address.rpartition("@")[0]
    if hides(author.address):
        yield Caution("address_has_hidden_characters", "The address has characters that are not seen.")
    if _is_masked(local):
        yield Caution("address_mixes_alphabets", "The address has look-alike letters out of other alphabets.")
    if author.domain_known and author.verified is False:
        yield Caution(
            "unverified_acquaintance", "The mailbox knows this domain, and nothing shows the mail is from it."
        )
    if not author.domain_known:
        told = resemblance(author.domain, author.familiar) or _wears(author.domain, author.familiar)
        if told:
            yield Caution("look_alike_domain", f"{quoted(author.domain)} {told}.")
    if not author.known:
        yield Caution("first_contact", "The mailbox has had no mail with this address before.")


def _wears(domain: str, familiar: tuple[str, ...]) -> str:
    """Which known domain stands inside another's, as `bank.example.evil.test` has it; '' for none."""
    worn = (known for known in familiar if f".{known}." in f".{domain}" and not domain.endswith(f".{known}"))
    return next((f"has {quoted(known)} inside, and is not of it" for known in worn), "")


def _of_replies(author: Author) -> Iterator[Caution]:
    for address in author.reply_to:
        domain = address.rpartition("@")[2].lower()
        if registered(domain) != registered(author.domain):
            yield Caution("reply_to_elsewhere", f"Answers go to {quoted(address)}, which is of another domain.")
            return


def hides(text: str) -> bool:
    """Whether a text has characters that nobody sees, or that change the order of those one does."""
    if text.isascii():
        return any(letter < " " or letter == "\x7f" for letter in text)
    before = ""
    for letter in text[:MAX_NAME]:
        if letter in _JOINERS:
            if before.isascii():
                return True
        elif not _is_seen(letter):
            return True
        before = letter
    return False


def _is_seen(letter: str) -> bool:
    return letter.isascii() or (unicodedata.category(letter) not in _UNSEEN and letter not in "\u034f\u115f\u3164")


def _is_masked(text: str) -> bool:
    """Whether a word mixes alphabets, or stands among Latin words in letters that only look like theirs."""
    if text.isascii():
        return False
    words = _WORD.findall(text[:MAX_NAME])
    kinds = [scripts(word) for word in words]
    if any(len(kind) > 1 for kind in kinds):
        return True
    latin = any(kind == {"Latin"} for kind in kinds)
    return any(
        latin and kind - {"Latin"} and len(word) > 1 and skeleton(word).isascii()
        for word, kind in zip(words, kinds, strict=True)
    )
