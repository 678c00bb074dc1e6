"""What is in TNEF as parts of a mail: the renderings of its body, its meeting, its files."""

from tools.mail import limits
from tools.mail.attachments import file_part
from tools.mail.headers import Header
from tools.mail.lzfu import Malformed, unpacked
from tools.mail.meeting import calendar_of, method_of
from tools.mail.mime import Part
from tools.mail.rtf import page_of
from tools.mail.tnef import Tnef

_RENDERINGS = 1
"""The multipart/alternative that the texts would be in."""


def parts_of(found: Tnef, *, with_body: bool) -> tuple[list[Part], tuple[str, ...]]:
    """The parts, with those of the body only if it is wanted, and codes of what was wrong."""
    parts, defects = _body(found) if with_body else ([], ())
    if meeting := calendar_of(found):
        parts.append(_part("text/calendar", meeting.encode(), method=method_of(found)))
    parts += [file_part(each.name, each.content, each.content_type, inline=each.inline) for each in found.files]
    return parts, defects if found.whole else (*defects, "malformed_tnef")


def _body(found: Tnef) -> tuple[list[Part], tuple[str, ...]]:
    """The body in plain text and HTML; RTF is read where it has no other form."""
    text, page, defects = found.text, found.page, tuple[str, ...]()
    if not text.strip() and not page.strip() and found.rtf:
        try:
            rtf = unpacked(found.rtf)
            page = page_of(rtf)
            defects = ("body_truncated",) if len(rtf) >= limits.RTF_BYTES else ()
        except Malformed:
            defects = ("malformed_tnef",)
    renderings = [("text/plain", text), ("text/html", page)]
    return [_part(kind, said.encode(), alternative=_RENDERINGS) for kind, said in renderings if said.strip()], defects


def _part(content_type: str, content: bytes, method: str = "", alternative: int = 0) -> Part:
    parameters = {"charset": "utf-8", "method": method}
    return Part(Header(()), content_type, parameters, content, 0, len(content), alternative, rendering=True)
