"""The text of PDF files, by pypdf; what nobody would see of it is left out."""

import io
from collections.abc import Sequence
from typing import Any

from tools.mail.documents.archive import Unreadable
from tools.mail.documents.pdf_colour import entry
from tools.mail.documents.pdf_ground import Box, Patience
from tools.mail.documents.pdf_page import SHOWING, Page
from tools.mail.documents.reader import Full, Writer

PAGES = 500
STREAM_BYTES = 8 * 1024 * 1024
"""What one stream of a file may unfold to; the library's own limit is 75 MB."""
STREAM_ITEMS = 400_000
"""Operators and operands of one page; each becomes an object."""
LETTER = Box(0, 0, 612, 792)
"""The page where a file does not say."""


def read_pdf(content: bytes, writer: Writer) -> None:
    """The pages in order. Raises Unreadable, Full; and MemoryError where the process has a limit."""
    try:
        from pypdf import apply_configuration
        from pypdf.errors import LimitReachedError
    except ImportError as error:
        raise Unreadable("needs_documents_extra") from error
    try:
        with apply_configuration(
            maximum_declared_stream_length=STREAM_BYTES,
            array_based_stream_maximum_output_length=STREAM_BYTES,
            lzw_maximum_output_length=STREAM_BYTES,
            run_length_maximum_output_length=STREAM_BYTES,
            zlib_maximum_output_length=STREAM_BYTES,
            brotli_maximum_output_length=STREAM_BYTES,
            stream_parsing_work_maximum_count=STREAM_ITEMS,
            jbig2dec_binary=None,  # no other program is started
            disable_legacy_handling=True,
        ):
            _read_pages(content, writer)
    except LimitReachedError as error:
        raise Unreadable("too_much") from error
    except (Unreadable, Full, MemoryError):
        raise
    # a broken file shows as any error at all inside the library
    except Exception as error:
        raise Unreadable("malformed") from error


def _read_pages(content: bytes, writer: Writer) -> None:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("encrypted")
    patience, layers_off = Patience(), _layers_off(reader.trailer)
    for number, page in enumerate(reader.pages):
        if number == PAGES:
            raise Unreadable("too_much")
        text, unseen = _looked_at(page, Page(_box(page), page.get("/Resources"), layers_off, patience))
        if any(unseen):
            # of what is all blank nobody need say that it is missing
            if writer.wants_unseen():
                writer.hide(_text_of(page, [not hidden for hidden in unseen]))
            text = _text_of(page, unseen)
        writer.write(text.strip() + "\n\n")


def _looked_at(page: Any, look: Page) -> tuple[str, bytes]:
    """All of a page's text, and for each piece that it shows whether nobody sees it."""
    try:
        text = page.extract_text(visitor_operand_before=look.before, visitor_operand_after=look.after)
    except MemoryError:
        raise
    except Exception as error:
        # its frames hold all of the page
        failure = error.with_traceback(None)
    else:
        return str(text), look.unseen()
    # drawings may be broken, or larger than can be followed: it is no matter where there is no text
    if page.extract_text().strip():
        raise failure
    return "", b""


def _text_of(page: Any, without: Sequence[int]) -> str:
    """A page's text without some of the pieces that it shows, in their order."""
    following = iter(without)

    def blank(operator: bytes, operands: Any, *_: object) -> None:
        if operator in SHOWING and next(following, False):
            place = 2 if operator == b'"' else 0
            shown = operands[place] if len(operands) > place else None
            if isinstance(shown, list):
                shown.clear()
            elif isinstance(shown, str | bytes):
                operands[place] = b""

    return str(page.extract_text(visitor_operand_before=blank))


def _box(page: Any) -> Box:
    """What a viewer shows of a page (section 14.11.2)."""
    try:
        left, bottom, right, top = map(float, page.cropbox)
    except ValueError:
        return LETTER
    found = Box(min(left, right), min(bottom, top), max(left, right), max(bottom, top))
    return found if found.size() else LETTER


def _layers_off(trailer: Any) -> frozenset[int]:
    """The object numbers of the layers that are not shown when the file is opened (section 8.11.4)."""
    layers = entry(trailer, "/Root", "/OCProperties")
    off, on = (entry(layers, "/D", name) for name in ("/OFF", "/ON"))
    if entry(layers, "/D", "/BaseState") == "/OFF":
        shown = {getattr(each, "idnum", 0) for each in on} if isinstance(on, list) else set()
        every = entry(layers, "/OCGs")
        return frozenset(getattr(each, "idnum", 0) for each in every or []) - shown
    return frozenset(getattr(each, "idnum", 0) for each in off) if isinstance(off, list) else frozenset()
