"""The body of a mail: its plain text for an agent, from the HTML where there is no other, and the HTML itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.attachments import is_attachment
from tools.mail.charset import decode
from tools.mail.htmltext import html_to_text
from tools.mail.mime import Part, transfer_decoded

_BYTES_PER_CHAR = 4  # in every charset of mail
_ENCODED_BYTES_PER_CHAR = 3 * _BYTES_PER_CHAR  # quoted-printable triples a byte


@dataclass(frozen=True, slots=True)
class Body:
    """`text` has LF line ends; `html` is as it came; `defects` are codes."""

    text: str
    html: str
    defects: tuple[str, ...]


def read_body(raw: bytes, parts: Sequence[Part]) -> Body:
    """The parts a reader sees as the mail's text, in order; of alternatives the plain one, unless it is blank."""
    reader = _Reader(raw)
    sections: dict[int, list[tuple[str, str]]] = {}
    for place, part in enumerate(parts):
        if not is_attachment(part):
            key = part.alternative or -place - 1
            sections.setdefault(key, []).append((part.content_type, reader.read(part)))
    texts = [reader.section_text(section) for section in sections.values()]
    text = reader.limited("\n".join(text for text in texts if text.strip()), limits.BODY_CHARS)
    html = "\n".join(content for section in sections.values() for kind, content in section if kind == "text/html")
    return Body(text, html, tuple(reader.defects))


class _Reader:
    """Decodes body parts within what is left of the limits, and notes what was wrong."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.left = {"text/plain": limits.BODY_CHARS, "text/html": limits.HTML_CHARS}
        self.defects: dict[str, None] = {}

    def read(self, part: Part) -> str:
        left = self.left[part.content_type]
        end = min(part.end, part.start + left * _ENCODED_BYTES_PER_CHAR)
        data, defect = transfer_decoded(self.raw[part.start : end], part.header.first("content-transfer-encoding"))
        if defect:
            self.defects[defect] = None
        most = left * _BYTES_PER_CHAR
        if end < part.end or len(data) > most:
            self.defects["body_truncated"] = None
            data = data[: data.rfind(b"\n", 0, most) + 1 or most]  # not inside a character
        text, known = decode(data, part.parameters.get("charset", ""))
        if not known:
            self.defects["unknown_charset"] = None
        text = self.limited(text, left)
        self.left[part.content_type] = left - len(text)
        return text if part.content_type == "text/html" else text.replace("\r\n", "\n").replace("\r", "\n")

    def section_text(self, section: list[tuple[str, str]]) -> str:
        """One text of what may be several renderings of it."""
        plain = "\n".join(content for kind, content in section if kind == "text/plain")
        if plain.strip():
            return plain
        pages = [html_to_text(content) for kind, content in section if kind == "text/html"]
        if any(cut for _, cut in pages):
            self.defects["body_truncated"] = None
        return "\n".join(text for text, _ in pages)

    def limited(self, text: str, limit: int) -> str:
        if len(text) > limit:
            self.defects["body_truncated"] = None
        return text[:limit]
