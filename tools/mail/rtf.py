"""Outlook's body in RTF as a page of HTML, which is then looked at like every other page.

A page that Outlook put into RTF comes out again (MS-OXRTFEX). Of any other RTF it is the text, its paragraphs, and what
tells whether a person sees it: whether it is hidden, how large it is, and of which colour on which.
"""

import html
import re
from dataclasses import dataclass, field, replace

from tools.mail import limits
from tools.mail.charset import decode, storable
from tools.mail.mapi import charset_of

_TOKEN = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,9})? ?|\\'(?P<hex>[0-9A-Fa-f]{2})|\\(?P<sign>[^A-Za-z])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
_UNSHOWN = frozenset(
    b"fonttbl stylesheet info pict objdata header headerl headerr headerf footer footerl footerr footerf themedata "
    b"filetbl listtable listoverridetable revtbl rsidtbl xmlnstbl fldinst generator bkmkstart bkmkend".split()
)
_LETTERS = {
    **dict.fromkeys((b"par", b"line", b"sect", b"page", b"row"), "\n"),
    **{b"tab": "\t", b"cell": "\t", b"emdash": "—", b"endash": "–", b"bullet": "•"},
    **{b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”"},
}
_SIGNS = {b"\\": "\\", b"{": "{", b"}": "}", b"~": "\u00a0", b"_": "-", b"\n": "\n", b"\r": "\n"}
_SMALL, _ORDINARY = 12, 24  # half points


@dataclass(frozen=True, slots=True)
class _Look:
    """How the text of a group is shown; colours by their place in the table, of which 0 is what a reader likes.

    `table` is where those stand. `page` is a piece of the page that was put into RTF, `unpaged` what is beside it for
    readers of RTF alone. `uc`: so many letters stand for one that old readers do not know.
    """

    shown: bool = True
    table: bool = False
    page: bool = False
    unpaged: bool = False
    hidden: bool = False
    size: int = _ORDINARY
    colour: int = 0
    ground: int = 0
    uc: int = 1


def page_of(rtf: bytes) -> str:
    """The page. Never raises; linear."""
    reader = _Reader(rtf)
    reader.read()
    return reader.page()


@dataclass(slots=True)
class _Reader:
    """The state of the one pass over the tokens."""

    rtf: bytes
    look: _Look = field(default_factory=_Look)
    outer: list[_Look] = field(default_factory=list)
    charset: str = "cp1252"
    paged: bool = False
    starred: bool = False
    """Whether what comes next names a group that may be passed over."""
    colours: list[str] = field(default_factory=list)
    mixed: dict[bytes, int] = field(default_factory=dict)
    skip: int = 0
    """Letters that stand for the one before them."""
    waiting: bytearray = field(default_factory=bytearray)
    """Bytes of text, of which several may be one letter."""
    runs: list[tuple[_Look, list[str]]] = field(default_factory=list)

    def read(self) -> None:
        at = 0
        while found := _TOKEN.match(self.rtf, at):
            at = found.end()
            if found["text"] or found["hex"]:
                self._take(found["text"] or bytes.fromhex(found["hex"].decode()))
                continue
            self._end_text()
            if found["brace"] == b"{":
                if len(self.outer) >= limits.RTF_GROUPS:
                    break
                self.outer.append(self.look)
            elif found["brace"]:
                self.look = self.outer.pop() if self.outer else self.look
            elif found["sign"]:
                self.starred = found["sign"] == b"*"
                self._say(_SIGNS.get(found["sign"], ""))
            elif found["word"]:
                number = int(found["number"]) if found["number"] else None
                # what comes behind this word are bytes, and no RTF
                at += max(number or 0, 0) if found["word"] == b"bin" else 0
                self._word(found["word"], number)
        self._end_text()

    def page(self) -> str:
        """What was read, as HTML."""
        said = "".join(_shown(look, "".join(texts), self.colours) for look, texts in self.runs)
        if self.paged:
            said = "".join(text for _, texts in self.runs for text in texts)
        return storable(said.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _take(self, data: bytes) -> None:
        if self.look.table:
            for _ in range(data.count(b";")):
                red, green, blue = (self.mixed.get(name, 0) & 255 for name in (b"red", b"green", b"blue"))
                self.colours.append(f"#{red:02x}{green:02x}{blue:02x}")
                self.mixed = {}
        self.waiting += data[self.skip :]
        self.skip = max(self.skip - len(data), 0)

    def _end_text(self) -> None:
        self.skip = 0
        if self.waiting:
            self._say(decode(bytes(self.waiting), self.charset)[0])
            self.waiting.clear()

    def _say(self, text: str) -> None:
        look = self.look
        if not text or not look.shown or (self.paged and look.unpaged and not look.page):
            return
        if self.paged and not look.page:
            text = html.escape(text)
        if not self.runs or self.runs[-1][0] != look:
            self.runs.append((look, []))
        self.runs[-1][1].append(text)

    def _word(self, word: bytes, number: int | None) -> None:
        starred, self.starred = self.starred, False
        if starred:
            self.look = replace(self.look, page=True) if word == b"htmltag" else replace(self.look, shown=False)
        elif word in _UNSHOWN:
            self.look = replace(self.look, shown=False)
        elif word == b"colortbl":
            self.look, self.colours = replace(self.look, shown=False, table=True), []
        elif word in (b"red", b"green", b"blue"):
            self.mixed[word] = number or 0
        elif word == b"fromhtml":
            self.paged = True
        elif word == b"ansicpg":
            self.charset = charset_of(number or 0)
        elif word == b"u":
            self._say(chr((number or 0) & 0xFFFF))
            self.skip = self.look.uc
        elif word in _LETTERS:
            self._say(_LETTERS[word])
        else:
            self.look = _changed(self.look, word, number)


def _changed(look: _Look, word: bytes, number: int | None) -> _Look:
    """The look behind a word that changes it; one that says nothing of it leaves it as it is."""
    holds = number != 0
    match word:
        case b"htmlrtf":
            return replace(look, unpaged=holds)
        case b"plain":
            return replace(look, hidden=False, size=_ORDINARY, colour=0, ground=0)
        case b"v" | b"deleted":
            return replace(look, hidden=holds)
        case b"fs":
            return replace(look, size=_ORDINARY if number is None else number)
        case b"cf":
            return replace(look, colour=number or 0)
        case b"cb" | b"chcbpat" | b"highlight":
            return replace(look, ground=number or 0)
        case b"uc":
            return replace(look, uc=min(max(number or 0, 0), 10))
    return look


def _shown(look: _Look, text: str, colours: list[str]) -> str:
    """A run of text, with a style where it is not shown like most."""
    styles = ["display:none"] if look.hidden else []
    styles += [f"font-size:{max(look.size, 0) / 2}pt"] if look.size < _SMALL else []
    styles += [f"color:{colours[look.colour]}"] if 0 < look.colour < len(colours) else []
    styles += [f"background-color:{colours[look.ground]}"] if 0 < look.ground < len(colours) else []
    said = html.escape(text).replace("\n", "<br>\n")
    return f'<span style="{";".join(styles)}">{said}</span>' if styles else said
