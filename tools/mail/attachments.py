"""Which parts of a mail are attachments, and what is known of each: name, type, size, digest."""

import hashlib
from dataclasses import dataclass

from tools.mail.filename import safe_name
from tools.mail.headers import Header, parameters
from tools.mail.mime import MEDIA_TYPE, Part
from tools.mail.sniff import HEAD_BYTES, differs, seen_type

ANY_TYPE = "application/octet-stream"
_BODY_TYPES = frozenset({"text/plain", "text/html"})


@dataclass(frozen=True, slots=True)
class PartInfo:
    """An attachment. `size` and `sha256` are of the decoded bytes; `index` names it for `attachment_bytes`.

    `name` is the sender's made safe, '' when there is none: data to show, never a path. `content_type` is what the
    sender says, `seen_type` what the first bytes show, '' where they do not tell.
    """

    index: int
    name: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    seen_type: str = ""


def is_attachment(part: Part) -> bool:
    """Whether a part is not the body: any type but plain text and HTML, and those where they are sent so or named.

    Some programs give a body a name too.
    """
    if part.content_type not in _BODY_TYPES or _disposition(part)[0] == "attachment":
        return True
    return not part.rendering and file_name(part) != ""


def attachment_info(part: Part) -> tuple[PartInfo, str]:
    """What is known of an attachment, and a defect code or ''."""
    data, defect = part.decoded()
    kind, _ = _disposition(part)
    inline = kind == "inline" or (kind == "" and bool(part.header.first("content-id")))
    digest = hashlib.sha256(data).hexdigest()
    name, seen = file_name(part), seen_type(data[:HEAD_BYTES])
    info = PartInfo(part.index, name, part.content_type, len(data), digest, inline, seen)
    return info, defect or ("type_differs" if differs(part.content_type, name, seen) else "")


def file_part(name: str, content: bytes, content_type: str = "", *, inline: bool = False) -> Part:
    """A file that was found within something else, as a part; of no type if that is none a file can have."""
    fit = MEDIA_TYPE.fullmatch(content_type) and not content_type.startswith("multipart/")
    kind = content_type if fit else ANY_TYPE
    # only a picture is shown in the text that it belongs to
    disposition = b"inline" if inline and kind.startswith("image/") else b"attachment"
    header = Header((("content-disposition", disposition),))
    return Part(header, kind, {"name": name}, content, 0, len(content), 0, rendering=False)


def file_name(part: Part) -> str:
    """The sender's name for the part, made safe."""
    name = _disposition(part)[1].get("filename") or part.parameters.get("name")
    return safe_name(name) if name else ""


def _disposition(part: Part) -> tuple[str, dict[str, str]]:
    return parameters(part.header.first("content-disposition"))
