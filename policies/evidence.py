"""How a finding quotes what it found: enough for a person to recognise it, too little to use it."""

LONG = 16
"""From this length on, six characters give nothing away."""
QUOTE = 80


def masked(secret: str) -> str:
    """A secret with its first four and last two characters at most; of a short one, nothing."""
    return f"{secret[:4]}…{secret[-2:]}" if len(secret) >= LONG else "…"


def quoted(text: str) -> str:
    """A piece of the mail on one line, cut to a length a person reads."""
    words = " ".join(text[: 4 * QUOTE].split())
    return f"{words[:QUOTE]}…" if len(words) > QUOTE else words


def listed(pieces: list[str], limit: int = 3) -> str:
    """The first few, and how many more there are."""
    distinct = list(dict.fromkeys(pieces))
    more = len(distinct) - limit
    return ", ".join(distinct[:limit]) + (f" and {more} more" if more > 0 else "")
