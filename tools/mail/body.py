"""The body of a mail as an agent reads it: what a person sees of it, with what is hidden and where its links go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.alternatives import difference
from tools.mail.attachments import is_attachment
from tools.mail.charset import charset_of_page, decode
from tools.mail.flowed import unflowed
from tools.mail.hidden import Hidden, invisible, unseen
from tools.mail.htmltext import html_page, markdown_of
from tools.mail.invisible import cleaned
from tools.mail.mime import Part
from tools.mail.page import Page
from tools.mail.targets import Link

_BYTES_PER_CHAR = 4  # in every charset of mail
_ENCODED_BYTES_PER_CHAR = 3 * _BYTES_PER_CHAR  # quoted-printable triples a byte
_PGP_BEGIN = "-----BEGIN PGP MESSAGE-----"
_PGP = re.compile(rf"^[ \\]{{0,3}}{_PGP_BEGIN}", re.MULTILINE)
_IMAGE = re.compile(r"!\[([^\[\]]{0,300}+)\](?=[(\[])")


@dataclass(frozen=True, slots=True)
class Body:
    """`text` has LF line ends and holds what a person sees; `html` is as it came; `defects` are codes."""

    text: str
    html: str
    defects: tuple[str, ...]
    hidden: tuple[Hidden, ...]
    links: tuple[Link, ...]


def read_body(parts: Sequence[Part]) -> Body:
    """The parts a reader sees as the mail's text, in order.

    Of alternatives it is the plain one, which costs the fewest words, as long as it says what the page shows: people
    see the page.
    """
    reader = _Reader()
    sections: dict[int, list[tuple[str, str]]] = {}
    for place, part in enumerate(parts):
        if not is_attachment(part):
            key = part.alternative or -place - 1
            sections.setdefault(key, []).append((part.content_type, reader.read(part)))
    texts = [reader.section_text(section) for section in sections.values()]
    text, found = cleaned("\n".join(text for text in texts if text.strip()))
    # an image of markdown would be fetched by whatever renders it
    text = reader.limited(_IMAGE.sub(r"[image: \1]", text), limits.BODY_CHARS)
    if _PGP_BEGIN in text and _PGP.search(text):
        reader.defects["encrypted"] = None
    html = "\n".join(content for section in sections.values() for kind, content in section if kind == "text/html")
    hidden = (*invisible(found), *reader.hidden)[: limits.HIDDEN_PIECES]
    return Body(text, html, tuple(reader.defects), hidden, tuple(reader.links[: limits.LINKS + limits.IMAGES]))


class _Reader:
    """Decodes body parts within what is left of the limits, and notes what was wrong."""

    def __init__(self) -> None:
        self.left = {"text/plain": limits.BODY_CHARS, "text/html": limits.HTML_CHARS}
        self.defects: dict[str, None] = {}
        self.hidden: list[Hidden] = []
        self.links: list[Link] = []

    def read(self, part: Part) -> str:
        left = self.left[part.content_type]
        encoded = left * _ENCODED_BYTES_PER_CHAR
        data, defect = part.decoded(encoded)
        if defect:
            self.defects[defect] = None
        most = left * _BYTES_PER_CHAR
        if part.start + encoded < part.end or len(data) > most:
            self.defects["body_truncated"] = None
            data = data[: data.rfind(b"\n", 0, most) + 1 or most]  # not inside a character
        charset = part.parameters.get("charset", "")
        if not charset and part.content_type == "text/html":
            charset = charset_of_page(data)
        text, known = decode(data, charset)
        if not known:
            self.defects["unknown_charset"] = None
        text = self.limited(text, left)
        self.left[part.content_type] = left - len(text)
        if part.content_type == "text/html":
            return text
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if part.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        return text

    def section_text(self, section: list[tuple[str, str]]) -> str:
        """One text of what may be several renderings of it."""
        plain = "\n".join(content for kind, content in section if kind == "text/plain")
        pages = [html_page(content) for kind, content in section if kind == "text/html"]
        for page in pages:
            self.hidden += page.hidden
            self.links += page.links
        if plain.strip() and self._stands_for(plain, pages):
            return plain
        texts = [markdown_of(page) for page in pages]
        if any(cut for _, cut in texts):
            self.defects["body_truncated"] = None
        return "\n".join(text for text, _ in texts)

    def _stands_for(self, plain: str, pages: list[Page]) -> bool:
        """Whether the plain text says what the pages show; where they show nothing, it is all there is."""
        shown = " ".join(page.words for page in pages)
        if not shown.strip():
            return True
        found = difference(cleaned(plain)[0], shown)
        if found.plain_only:
            self.hidden.append(unseen("plain_text", found.plain_only))
        if not found.agree:
            self.defects["alternatives_differ"] = None
        return found.agree

    def limited(self, text: str, limit: int) -> str:
        if len(text) > limit:
            self.defects["body_truncated"] = None
        return text[:limit]
