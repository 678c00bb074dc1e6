"""Plain text whose lines may be joined again: format=flowed and delsp (RFC 3676)."""

_SIGNATURE = "-- "
_APART = ("", _SIGNATURE)


def unflowed(text: str, *, delete_space: bool) -> str:
    """The text with a line for each paragraph (RFC 3676 section 4.2). Line ends are LF; linear.

    With `delete_space` (delsp=yes) the blank before a soft line end is not of the text: an address, or a word of a
    script without blanks, goes on in the next line.
    """
    if " \n" not in text and "\n " not in text and text[:1] != " ":
        return text  # as most short mails
    paragraphs: list[str] = []
    pieces: list[str] = []
    depth, goes_on = 0, False
    for line in text.split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")  # which was put before what would look like another thing (section 4.4)
        # section 4.5: another depth ends a paragraph, as what divides the signature does; and an empty line, for those
        # who leave a blank before one that was meant
        if pieces and not (goes_on and level == depth and content not in _APART):
            paragraphs.append(_paragraph(depth, pieces))
            pieces = []
        depth, goes_on = level, content.endswith(" ") and content != _SIGNATURE
        pieces.append(content[:-1] if goes_on and delete_space else content)
    return "\n".join([*paragraphs, _paragraph(depth, pieces)])


def _paragraph(depth: int, pieces: list[str]) -> str:
    content = "".join(pieces)
    return f"{'>' * depth} {content}" if depth and content else ">" * depth + content
