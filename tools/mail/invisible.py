"""Characters that show nothing: taken out of a text and counted, with what tags and variation selectors spell."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable

DECODED_CHARS = 1_000
"""Of what hidden characters spell."""
_PADDING = 2  # zero-width characters beside a blank: programs put them before a quotation and into empty lines
_MARKS = 5  # combining marks on one letter; no living script needs more

_ZERO_WIDTH = "\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
_OTHER_ZERO_WIDTH = "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e007f"
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
_HEAPED = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SUSPECT = re.compile(
    f"(?P<zero_width>[{_ZERO_WIDTH}{_OTHER_ZERO_WIDTH}]+)|(?P<bidi>[{_BIDI}]+)|(?P<tags>[{_TAGS}]+)|"
    f"(?P<selectors>[{_SELECTORS}]+)|(?P<soft_hyphens>\xad+)|(?P<controls>[{_CONTROLS}]+)|"
    f"(?P<marks>[{_HEAPED}]{{{_MARKS + 1},}})"
)
_ANY_SUSPECT = re.compile(f"[{_ZERO_WIDTH}{_OTHER_ZERO_WIDTH}{_BIDI}{_TAGS}{_SELECTORS}\xad{_CONTROLS}{_HEAPED}]")
"""Ten times as fast as to tell which of them it is."""
_SUSPECT_BYTES = bytes({*range(0x20), 0x7F, 0xAD} - set(b"\t\n"))

# Scripts whose letters are shaped by joiners: Arabic and its neighbours, the Indic scripts to Khmer and Mongolian.
_JOINED = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1700-\u18af\u1900-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc]"
    "|[\U00010a00-\U00011fff]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_PICTURE = re.compile("[\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff]")
# The flags of England, Scotland and Wales are the sequences of tags that Unicode recommends (UTS 51 annex C).
_BLACK_FLAG = "\U0001f3f4"
_FLAGS = frozenset(
    "".join(chr(0xE0000 + ord(letter)) for letter in place) + "\U000e007f" for place in ("gbeng", "gbsct", "gbwls")
)
_OVERRIDES = frozenset("\u202d\u202e")


def cleaned(text: str) -> tuple[str, dict[str, tuple[int, str]]]:
    """The text without characters that show nothing, and for each kind of them how many and what they spell.

    Kinds: `zero_width`, `bidi`, `tags`, `selectors`, `soft_hyphens`, `controls`, `marks` (heaps of combining marks).
    What scripts and emoji need stays. Carriage returns go uncounted, and so does padding. Linear.
    """
    if _is_clean(text):
        return text, {}
    cleaner = _Cleaner(text)
    return _SUSPECT.sub(cleaner.replaced, text), cleaner.report()


def _is_clean(text: str) -> bool:
    try:
        # most text fits into one byte a character, and bytes are looked through in a fraction of the time
        data = text.encode("ascii" if text.isascii() else "cp1252")
    except UnicodeEncodeError:
        return _ANY_SUSPECT.search(text) is None
    return len(data.translate(None, _SUSPECT_BYTES)) == len(data)


class _Cleaner:
    """Decides on each run of suspect characters by what stands around it, and counts what goes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.counts: Counter[str] = Counter()
        self.spelled: dict[str, list[str]] = {}
        self.right_to_left = _RIGHT_TO_LEFT.search(text) is not None
        self.keeping: dict[str, Callable[[re.Match[str]], str]] = {
            "zero_width": self._zero_width,
            "bidi": self._bidi,
            "tags": self._tags,
            "selectors": self._selectors,
            "marks": self._marks,
        }

    def replaced(self, match: re.Match[str]) -> str:
        kind, run = match.lastgroup or "", match.group()
        kept = self.keeping[kind](match) if kind in self.keeping else ""
        gone = len(run) - len(kept) - run.count("\r")
        if gone > 0 and not self._is_usual(kind, match):
            self.counts[kind] += gone
        return kept

    def report(self) -> dict[str, tuple[int, str]]:
        return {kind: (count, self._meaning(kind)) for kind, count in self.counts.items()}

    def _zero_width(self, match: re.Match[str]) -> str:
        """A joiner stays between letters that it shapes, or the parts of one emoji."""
        run, (before, after) = match.group(), self._around(match)
        if run in ("\u200c", "\u200d") and _JOINED.match(before) and (_JOINED.match(after) or run == "\u200d"):
            return run
        return run if run == "\u200d" and _PICTURE.match(before) and _PICTURE.match(after) else ""

    def _is_usual(self, kind: str, match: re.Match[str]) -> bool:
        """Whether programs write it everywhere: marks and isolates around a name, a few at the end of a word or line,
        where they neither cut a word nor spell anything."""
        run = match.group()
        if kind == "bidi":
            return not _OVERRIDES.intersection(run)
        beside_blank = any(not letter or letter.isspace() for letter in self._around(match))
        return kind == "zero_width" and beside_blank and len(run) <= _PADDING

    def _bidi(self, match: re.Match[str]) -> str:
        """Marks and isolates order a text of mixed directions; an override makes it read as something else."""
        if not self.right_to_left:
            return ""
        return "".join(letter for letter in match.group() if letter in "\u200e\u200f\u061c")

    def _tags(self, match: re.Match[str]) -> str:
        run = match.group()
        if run in _FLAGS and self._around(match)[0] == _BLACK_FLAG:
            return run
        self._spell("tags", "".join(chr(ord(tag) - 0xE0000) for tag in run if 0xE0020 <= ord(tag) < 0xE007F))
        return ""

    def _selectors(self, match: re.Match[str]) -> str:
        """One selector stays on a base that has variants; runs of them spell bytes, one each."""
        run, base = match.group(), self._around(match)[0]
        wanted = "\ufe0e\ufe0f" if not base or ord(base) < 0x1000 or _PICTURE.match(base) else run[0]
        if len(run) == 1 and run in wanted and (base in "0123456789#*" or base > "\xa0") and base:
            return run
        self._spell(
            "selectors", "".join(chr(ord(letter) - (0xFE00 if letter < "\uff00" else 0xE00F0)) for letter in run)
        )
        return ""

    def _marks(self, match: re.Match[str]) -> str:
        return match.group()[:_MARKS]

    def _around(self, match: re.Match[str]) -> tuple[str, str]:
        before = self.text[match.start() - 1 : match.start()] if match.start() else ""
        return before, self.text[match.end() : match.end() + 1]

    def _spell(self, kind: str, words: str) -> None:
        spelled = self.spelled.setdefault(kind, [])
        if len(spelled) < DECODED_CHARS:
            spelled.append(words[:DECODED_CHARS])

    def _meaning(self, kind: str) -> str:
        words = "".join(self.spelled.get(kind, ()))[:DECODED_CHARS]
        if kind == "selectors":
            words = words.encode("latin-1").decode("utf-8", "ignore")
        return "".join(letter for letter in words if not unicodedata.category(letter).startswith("C"))
