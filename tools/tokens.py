"""How many tokens a text costs a model, estimated without its tokenizer; texts and lists cut to a budget of them."""

from typing import Any

_ASCII_CHARS = 4
_OTHER_BYTES = 3


def estimate(text: str) -> int:
    """Tokens of a text: one for four ASCII characters or three bytes of UTF-8 outside of ASCII.

    English prose comes out some tenth too high, dense text (URLs, base64, digits) up to a third too low; Cyrillic and
    Greek cost two thirds of a token a letter here, Chinese, Japanese and Korean one. Tokenizers differ by as much.
    """
    plain = len(text.encode("ascii", "ignore"))
    other = len(text.encode("utf-8", "replace")) - plain
    return -(-plain // _ASCII_CHARS) + -(-other // _OTHER_BYTES)


def fitting(text: str, budget: int) -> int:
    """How many characters of the text, from its beginning, cost at most `budget` tokens.

    A cut falls behind a line or a word where there is one in the last tenth.
    """
    text = text[: max(budget, 0) * _ASCII_CHARS + 1]  # no character costs less
    if estimate(text) <= budget:
        return len(text)
    low, high = 0, len(text)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if estimate(text[:middle]) <= budget else (low, middle)
    earliest = low - low // 10
    for mark in ("\n", " "):
        place = text.rfind(mark, earliest, low)
        if place >= 0:
            return place + 1
    return low


def shortened(members: dict[str, Any], most: int) -> tuple[dict[str, Any], int]:
    """JSON values with at most so many entries of each list in them, and how many entries were left out."""
    found = {key: _shortened(value, most) for key, value in members.items()}
    return {key: value for key, (value, _) in found.items()}, sum(count for _, count in found.values())


def _shortened(value: Any, most: int) -> tuple[Any, int]:
    if isinstance(value, dict):
        return shortened(value, most)
    if not isinstance(value, list):
        return value, 0
    found = [_shortened(each, most) for each in value[:most]]
    return [each for each, _ in found], sum(count for _, count in found) + len(value) - len(found)
