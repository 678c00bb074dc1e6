"""Which parts of a mail are attachments, and what is known of each: name, type, size, digest."""

import hashlib
import re
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.headers import parameters
from tools.mail.mime import Part, transfer_decoded

# They turn "exe.pdf" into "fdp.exe" on a screen and have no meaning in a file name.
_DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BODY_TYPES = frozenset({"text/plain", "text/html"})


@dataclass(frozen=True, slots=True)
class PartInfo:
    """An attachment. `size` and `sha256` are of the decoded bytes; `index` names it for `attachment_bytes`.

    `name` is the sender's, without folders and controls, '' when there is none: data to show, never a path.
    """

    index: int
    name: str
    content_type: str
    size: int
    sha256: str
    inline: bool


def is_attachment(part: Part) -> bool:
    """Whether a part is not the body: any type but plain text and HTML, and those where they are named or sent so."""
    kind, _ = _disposition(part)
    return part.content_type not in _BODY_TYPES or kind == "attachment" or file_name(part) != ""


def attachment_info(raw: bytes, index: int, part: Part) -> tuple[PartInfo, str]:
    """What is known of the part at `index`, and a defect code or ''."""
    data, defect = decoded_part(raw, part)
    kind, _ = _disposition(part)
    inline = kind == "inline" or (kind == "" and bool(part.header.first("content-id")))
    digest = hashlib.sha256(data).hexdigest()
    return PartInfo(index, file_name(part), part.content_type, len(data), digest, inline), defect


def decoded_part(raw: bytes, part: Part) -> tuple[bytes, str]:
    """The part's bytes as the sender had them, and a defect code or ''."""
    return transfer_decoded(raw[part.start : part.end], part.header.first("content-transfer-encoding"))


def file_name(part: Part) -> str:
    """The sender's name for the part. Folders are dropped, as RFC 2183 section 2.3 asks."""
    name = _disposition(part)[1].get("filename") or part.parameters.get("name") or ""
    name = _DIRECTION_MARKS.sub("", name).replace("\\", "/").rpartition("/")[2].strip()
    return name[-limits.NAME_CHARS :]  # the end holds the extension


def _disposition(part: Part) -> tuple[str, dict[str, str]]:
    return parameters(part.header.first("content-disposition"))
