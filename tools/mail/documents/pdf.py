"""The text of PDF files, by pypdf."""

import io

from tools.mail.documents.archive import Unreadable
from tools.mail.documents.reader import Full, Writer

PAGES = 500
STREAM_BYTES = 8 * 1024 * 1024
"""What one stream of a file may unfold to; the library's own limit is 75 MB."""
STREAM_ITEMS = 400_000
"""Operators and operands of one page; each becomes an object."""


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
    for number, page in enumerate(reader.pages):
        if number == PAGES:
            raise Unreadable("too_much")
        writer.write(page.extract_text().strip() + "\n\n")
