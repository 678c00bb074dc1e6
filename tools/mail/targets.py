"""Where a link really goes, and whether what it shows names another place."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from tools.mail import limits

_SAFE = frozenset({"http", "https", "mailto", "tel", "sms", "ftp", "ftps", "cid", "mid", "xmpp", "geo", "webcal"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):")
_DROPPED = re.compile(r"[\t\n\r]|\A[\x00-\x20]+|[\x00-\x20]+\Z")  # as a browser does: WHATWG URL section 4.4
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\"<>\\^`{|}()\u2000-\u206f\ufeff]")
_HOST = r"(?:[\w\u00ad-]{1,63}\.){1,8}[^\W\d_]{2,24}"
_SHOWN_HOST = re.compile(rf"(?:https?://(?:[^\s/@]{{0,200}}@)?|(?=www\.))({_HOST})", re.I)
_BARE = re.compile(rf"({_HOST})(?::\d{{1,5}})?(?:[/?#]\S{{0,500}})?\Z", re.I)
_MAILBOX = re.compile(rf"[^\s@<>]{{1,64}}@({_HOST})\Z", re.I)
_FILE_ENDINGS = """
bat cc cfg cs css csv doc docx exe gz htm html ics ini java jar jpg js json md mov mp pdf php pl png pps ppt
pptx ps py rar rb rs sh so sql svg tar ts txt vb xls xlsx xml yml zip
"""
_FILES = frozenset(_FILE_ENDINGS.split())
"""Endings of file names, of which some are top-level domains too."""


_SERVICES = (
    *("safelinks.protection.outlook.com", "urldefense.com", "urldefense.proofpoint.com"),
    *("linkprotect.cudasvc.com", "secure-web.cisco.com"),
)
# The address they carry along; Proofpoint writes -3A for a colon, and _ for a slash.
_CARRIED = re.compile(r"https?(?::|-3A)[/_]{1,2}([A-Za-z0-9.-]{1,253})")

LinkKind = Literal["link", "form", "image"]


@dataclass(frozen=True, slots=True)
class Link:
    """A link, a form's target or a remote image of an HTML mail. Nothing of it has been fetched.

    `url` is the real target, cut to a bound; of a scheme that acts where it stands, as javascript, only the scheme.
    `host` is '' where there is none, and ASCII; `host_unicode` is how an internationalised one may be shown.
    `differs` says that `text` names another host.
    """

    kind: LinkKind
    text: str
    url: str
    host: str
    host_unicode: str
    differs: bool


def link(kind: LinkKind, text: str, target: str) -> Link:
    """What is known of a target and the text it is shown under."""
    url = real_target(target)
    host = host_of(url)
    shown = " ".join(text[: 2 * limits.LINK_TEXT_CHARS].split())[: limits.LINK_TEXT_CHARS]
    return Link(
        kind, shown, url[: limits.URL_CHARS], host, unicode_host(host), kind == "link" and _differs(shown, url, host)
    )


def real_target(target: str) -> str:
    """The target as a browser reads it, with what could break out of markdown escaped; only the scheme of one that is
    not a place to go."""
    url = _DROPPED.sub("", target[: 4 * limits.URL_CHARS])
    scheme = _SCHEME.match(url[:40].lower())
    if scheme and scheme.group(1) not in _SAFE:
        return scheme.group()
    if scheme and scheme.group(1) in ("http", "https", "ftp"):
        rest = url[scheme.end() :].replace("\\", "/").lstrip("/")
        url = f"{scheme.group(1)}://{_ascii_host(rest)}"
    elif url.replace("\\", "/").startswith("//"):
        url = "//" + _ascii_host(url.replace("\\", "/").lstrip("/"))
    return _UNSAFE.sub(_escaped, url)


def is_place(url: str) -> bool:
    """Whether a real target may stand as a link."""
    return url[:1] not in ("", "#") and not _SCHEME.fullmatch(url.lower())


def host_of(url: str) -> str:
    """The host of a real target, or the domain of a mail address; '' where there is none."""
    if url.startswith("mailto:"):
        return url[7:].partition("?")[0].rpartition("@")[2].lower()[: limits.ADDRESS_CHARS]
    try:
        return (urlsplit(url).hostname or "").rstrip(".")[: limits.ADDRESS_CHARS]
    except ValueError:
        return ""


def _ascii_host(rest: str) -> str:
    """What follows the slashes of a URL, with its host in ASCII (IDNA)."""
    if rest.isascii():
        return rest
    end = next((place for place, letter in enumerate(rest) if letter in "/?#"), len(rest))
    authority, path = rest[:end], rest[end:]
    if authority.isascii():
        return rest
    user, at, host = authority.rpartition("@")
    name, colon, port = host.partition(":")
    try:
        return user + at + name.encode("idna").decode() + colon + port + path
    except UnicodeError:
        return rest


def unicode_host(host: str) -> str:
    """An internationalised host as it is meant to be read; '' for any other."""
    if "xn--" not in host:
        return ""
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return ""


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "replace"))


def _differs(shown: str, url: str, host: str) -> bool:
    """Whether the text names a host that has nothing to do with the target's."""
    named = _named_host(shown)
    if not named:
        return False
    return not host or not (_related(named, host) or _related(named, _behind(url, host)))


def _behind(url: str, host: str) -> str:
    """The host behind a service that receivers have all links of their mail go through; '' where there is none."""
    if not any(host == service or host.endswith(f".{service}") for service in _SERVICES):
        return ""
    found = _CARRIED.search(unquote(url), len(host))
    return found.group(1).lower() if found else ""


def _named_host(shown: str) -> str:
    """The host that a text names: in a URL, as a mail address, or alone where it cannot be a file's name."""
    found = _SHOWN_HOST.search(shown) or _MAILBOX.match(shown)
    if found is None:
        found = _BARE.match(shown)
        if found is None or found.group(1).rpartition(".")[2].lower() in _FILES:
            return ""
    name = found.group(1).replace("\u00ad", "").lower()
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _related(one: str, other: str) -> bool:
    """Whether two hosts are the same, one inside the other, or side by side in one organisation's domain."""
    one, other = one.removeprefix("www."), other.removeprefix("www.")
    if one == other or one.endswith("." + other) or other.endswith("." + one):
        return True
    last, of_other = one.split(".")[-2:], other.split(".")[-2:]
    return last == of_other and len(last[0]) > 3  # shorter ones stand for registries: co.uk, com.au, ac.jp
