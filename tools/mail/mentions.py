"""The addresses that stand in a text, also as people write them who do not want programs to see them. Linear."""

import re
from urllib.parse import unquote

from tools.mail.address import canonical, untagged

_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8}+")
_AROUND = "_'.-+"  # may belong to the address, or to the text around it
_AT_SIGNS = {"＠": "@", "﹫": "@", "%40": "@", "[at]": "@", "(at)": "@", "[AT]": "@", "(AT)": "@"}
# Where there is an @ already: full stops of other scripts (RFC 3490 section 3.1) and in words, and markdown's marks.
_STOPS = re.compile(r"[。．｡]|\s{0,2}[\[(](?:dot|DOT|punkt)[\])]\s{0,2}")
_MARKS = str.maketrans("", "", "*`\\")


def mentioned(text: str, limit: int) -> list[str]:
    """The first `limit` addresses of the text in canonical form, each once, in order.

    One with a tag ("eve+x@…") counts as the one without it too.
    """
    found: dict[str, None] = {}
    for match in _ADDRESS.finditer(_with_at(text)):
        if len(found) >= limit:
            break
        for form in (match.group(), match.group().strip(_AROUND)):
            found[canonical(form)] = None
            found[untagged(form)] = None
    return list(found)[:limit]


def _with_at(text: str) -> str:
    """The words of the text that an address can be in, as they are meant."""
    for written, sign in _AT_SIGNS.items():
        if written in text:
            text = text.replace(written, sign)
    if "@" not in text:
        return ""
    text = "@".join([piece.strip() for piece in text.split("@")])
    # an address holds no space: looking at the words with an @ alone, in lines with one, saves most of the time
    lines = " ".join([_STOPS.sub(".", line) for line in text.split("\n") if "@" in line])
    return unquote(" ".join([word for word in lines.split() if "@" in word]).translate(_MARKS))
