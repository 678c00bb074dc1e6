"""XML in a ZIP file, as office documents are made, read within bounds: members, bytes unfolded, no entities."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from xml.parsers import expat

_ENTRY = b"PK\x01\x02"
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_CHUNK = 64 * 1024

MEMBERS = 2_000
"""A presentation with a thousand pictures has fewer."""
UNFOLDED_BYTES = 64 * 1024 * 1024
"""Of all members that are read together. They are read in pieces: it is time that this costs, and no memory."""
TAG_BYTES = 1024 * 1024
DEPTH = 500

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Data = Callable[[str], None]


class Unreadable(Exception):
    """A document that is not read. `reason` is one of the codes that `extract.Extracted` lists."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Archive:
    """A ZIP file in memory. What it unfolds to is counted over all that is read of it."""

    def __init__(self, content: bytes) -> None:
        # each entry of the directory becomes an object; so they are counted before it is read
        if content.count(_ENTRY) > MEMBERS:
            raise Unreadable("too_much")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, RuntimeError, OverflowError) as error:
            raise Unreadable("malformed") from error
        self.names = frozenset(self._zip.namelist())
        self._left = UNFOLDED_BYTES

    def chunks(self, name: str) -> Iterator[bytes]:
        """The member's bytes in pieces; nothing where there is none of that name. Raises Unreadable."""
        if name not in self.names:
            return
        info = self._zip.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise Unreadable("encrypted")
        if info.compress_type not in _PLAIN_METHODS:
            raise Unreadable("unsupported")
        try:
            with self._zip.open(info) as file:
                while piece := file.read(_CHUNK):
                    self._left -= len(piece)
                    if self._left < 0:
                        raise Unreadable("too_much")
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OSError) as error:
            raise Unreadable("malformed") from error

    def read_xml(self, name: str, start: Start, end: End, data: Data) -> None:
        """Call back for each element and text of a member; names come without prefixes. Raises Unreadable."""
        if name not in self.names:
            return
        parser = _parser(start, end, data)
        fed = 0
        try:
            for piece in self.chunks(name):
                parser.Parse(piece, False)
                fed += len(piece)
                # an unfinished tag is read from its beginning again with each piece
                if fed - parser.CurrentByteIndex > TAG_BYTES:
                    raise Unreadable("too_much")
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Unreadable("malformed") from error


def _parser(start: Start, end: End, data: Data) -> expat.XMLParserType:
    depth = 0

    def opened(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH:
            raise Unreadable("too_much")
        start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def closed(tag: str) -> None:
        nonlocal depth
        depth -= 1
        end(_local(tag))

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_doctype(*_: object) -> None:
    """No office format has one, and entities that unfold or fetch are declared nowhere else."""
    raise Unreadable("malformed")
