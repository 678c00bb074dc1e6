"""The links of an HTML body: what each shows and where it goes. Linear in the length of the page."""

import html
import re

# Possessive and bounded, so that an unclosed quote or tag is not read again from each place it might begin.
_ANCHOR = re.compile(
    r"""<a\s((?:[^<>"']|"[^"]{0,4000}"|'[^']{0,4000}')*+)>((?:[^<]++|<(?!/?a[\s>]))*+)""", re.IGNORECASE
)
_HREF = re.compile(r"""(?:^|\s)href\s{0,5}=\s{0,5}(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*+>")


def links(page: str) -> list[tuple[str, str]]:
    """Every link as the text it shows and its target, in order, without markup and character references."""
    found = []
    for attributes, inner in _ANCHOR.findall(page):
        href = _HREF.search(attributes)
        if href:
            target = html.unescape(next(filter(None, href.groups()), ""))
            found.append((" ".join(html.unescape(_TAG.sub("", inner)).split()), target.strip()))
    return found
