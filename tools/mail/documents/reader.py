"""What reading a document has in common: text collected up to a limit, and elements called back one by one."""

from tools.mail.documents.archive import Archive

_FALSE = frozenset({"0", "false", "off", "none"})
HIDDEN_CHARS = 20_000
"""Of text that is not shown so much is kept."""


class Full(Exception):
    """There is more text than is wanted."""


class Writer:
    """Collects text up to a limit of characters, and then says so."""

    def __init__(self, limit: int) -> None:
        self._pieces: list[str] = []
        self._left = limit
        self._unseen: list[str] = []
        self._unseen_left = HIDDEN_CHARS
        self.hidden = False
        """Whether the document has text that it does not show; that is left out."""

    def hide(self, text: str) -> None:
        """Text that the document does not show: its beginning is kept apart, to be looked through."""
        if text.strip():
            self.hidden = True
            self._unseen.append(text[: self._unseen_left])
            self._unseen_left -= len(self._unseen[-1])

    def write(self, text: str) -> None:
        """Raises Full when the limit is reached; what fits is kept."""
        self._pieces.append(text[: self._left])
        self._left -= len(text)
        if self._left < 0:
            raise Full

    def end_unseen(self) -> None:
        """What is hidden next is another paragraph."""
        if self._unseen and self._unseen[-1] != "\n":
            self._unseen.append("\n")

    def wants_unseen(self) -> bool:
        """Whether there is still room for text that is not shown."""
        return self._unseen_left > 0

    def text(self) -> str:
        return "".join(self._pieces)

    def unseen(self) -> str:
        return "".join(self._unseen)


class Reader:
    """Is told of each element and text of one XML member; passes over `skipped` elements with all that is in them."""

    skipped: frozenset[str] = frozenset()

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._skipping = 0

    def read(self, archive: Archive, name: str) -> None:
        """Read a member; one that is not there says nothing. Raises Unreadable, Full."""
        archive.read_xml(name, self._start, self._end, self._data)

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; names are without their prefixes."""

    def closed(self, name: str) -> None:
        """An element ends."""

    def said(self, text: str) -> None:
        """Text between elements, perhaps in pieces."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipping or name in self.skipped:
            self._skipping += 1
        else:
            self.opened(name, attributes)

    def _end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
        else:
            self.closed(name)

    def _data(self, text: str) -> None:
        if not self._skipping:
            self.said(text)


class Blocks(Reader):
    """Paragraphs end lines; in a table they end words, cells end with a bar, and rows end lines."""

    cell = row = ""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._cells = 0

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        self._cells += name == self.cell

    def closed(self, name: str) -> None:
        if name in ("p", "h"):
            self.writer.end_unseen()
            self.writer.write(" " if self._cells else "\n")
        elif name == self.cell:
            self._cells -= 1
            self.writer.write("| ")
        elif name == self.row:
            self.writer.write("\n")


def says_no(value: str) -> bool:
    """Whether a value switches something off (ECMA-376 part 1, section 22.9.2.7)."""
    return value in _FALSE
