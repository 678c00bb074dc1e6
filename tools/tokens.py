"""How many tokens a text costs a model, estimated without its tokenizer, and texts cut to a budget of them."""

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
