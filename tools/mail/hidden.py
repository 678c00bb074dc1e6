"""What a mail holds that a person does not see: pieces of text, each with the means that hides it."""

import re
from dataclasses import dataclass, replace

from tools.mail import limits
from tools.mail.invisible import cleaned

QUIET = frozenset({"preheader", "reference", "comment", "not_rendered", "unread_style", "soft_hyphens"})
"""Kinds that ordinary mail has too: a newsletter's line for the list of mails, a case's number, the title of a page."""

_TOP_CHARS = 80  # of visible text above a preheader, as "View in browser"
_PREHEADERS = 2
# What a tracker of issues or cases finds its own mail again by: "Message ID: <o/r/17@example.com>", "ref:_00D.500:ref".
_REFERENCES = 2
_REFERENCE_CHARS = 100
_REFERENCE = re.compile(r"(?:[^\W\d]{1,12}:? ){0,2}(?=\S*\d)(?=\w*[<\[(#:-])(?!\S*//|[^\s/]*@)\S+\Z")


@dataclass(frozen=True, slots=True)
class Hidden:
    """A piece of hidden text. `kind` is a stable code of how it is hidden, `text` its beginning, `chars` its length.

    `suspicious` is false for the kinds that ordinary mail has.
    """

    kind: str
    text: str
    chars: int
    suspicious: bool


class HiddenPieces:
    """Collects hidden text as a page is read from top to bottom."""

    def __init__(self) -> None:
        self._found: list[Hidden] = []
        self._above = 0
        self._preheaders = self._references = self._quiet = 0
        self._joins = False

    def pieces(self) -> tuple[Hidden, ...]:
        return tuple(self._found)

    def begin_mail(self) -> None:
        """What follows is another mail, quoted: it has a top of its own."""
        self._above = self._preheaders = 0

    def see(self, words: str) -> None:
        """Text that shows stands between what is hidden above and below it."""
        self._above += len(words.strip())
        self._joins = False

    def add(self, kind: str, text: str) -> None:
        """Hidden text; the next piece of it with nothing visible between is the same one."""
        words = _words(text)
        if not words:
            return
        if self._joins and self._found[-1].kind in (kind, "preheader"):
            last = self._found[-1]
            joined = f"{last.text} {words}" if len(last.text) < limits.HIDDEN_CHARS else last.text
            piece = replace(last, text=joined[: limits.HIDDEN_CHARS], chars=last.chars + len(words))
            if piece.kind == "preheader" and piece.chars > limits.PREHEADER_CHARS:
                piece = replace(piece, kind=kind, suspicious=True)
            self._found[-1] = piece
            return
        if len(words) <= limits.PREHEADER_CHARS and self._above <= _TOP_CHARS and self._preheaders < _PREHEADERS:
            self._preheaders += 1
            kind = "preheader"
        elif len(words) <= _REFERENCE_CHARS and self._references < _REFERENCES and _REFERENCE.match(words):
            self._references += 1
            kind = "reference"
        self._joins = self._append(kind, words)

    def note(self, kind: str, text: str) -> None:
        """Text that is not a part of what is read from top to bottom, as a title."""
        words = _words(text)
        if words:
            self._append(kind, words)
            self._joins = False

    def _append(self, kind: str, words: str) -> bool:
        """Whether the piece is in the report."""
        # half of the report is kept for what matters, however much of the rest comes first
        self._quiet += kind in QUIET
        if len(self._found) < limits.HIDDEN_PIECES and (kind not in QUIET or self._quiet <= limits.HIDDEN_PIECES // 2):
            self._found.append(unseen(kind, words))
            return True
        return False


def unseen(kind: str, words: str) -> Hidden:
    """A piece of hidden text, cut to its bound."""
    return Hidden(kind, words[: limits.HIDDEN_CHARS], len(words), kind not in QUIET)


def invisible(found: dict[str, tuple[int, str]]) -> list[Hidden]:
    """The reports of characters that show nothing, as `cleaned` counts them: what they are, and what they spell."""
    return [
        Hidden(
            "invisible_characters", f"{name}: {spelled}"[: limits.HIDDEN_CHARS].rstrip(": "), count, name not in QUIET
        )
        for name, (count, spelled) in found.items()
    ]


def _words(text: str) -> str:
    """The text without what fills a preheader up: blanks and characters that show nothing."""
    return " ".join(cleaned(text)[0].split())
