"""The addresses that stand in a text. Linear in its length."""

import re

from tools.mail.address import canonical

_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+'-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8}+")
_AROUND = "_'.-+"  # may belong to the address, or to the text around it


def mentioned(text: str, limit: int) -> list[str]:
    """The first `limit` addresses of the text in canonical form, each once, in order."""
    found: dict[str, None] = {}
    # an address holds no space: looking at the words with an @ alone, in lines with one, saves most of the time
    lines = " ".join(line for line in text.split("\n") if "@" in line) if "@" in text else ""
    words = " ".join(word for word in lines.split() if "@" in word)
    for match in _ADDRESS.finditer(words):
        if len(found) >= limit:
            break
        found[canonical(match.group())] = None
        found[canonical(match.group().strip(_AROUND))] = None
    return list(found)[:limit]
