"""Names of attached files, made safe for any file system and any screen."""

import re

from tools.mail import limits

# They turn "exe.pdf" into "fdp.exe" on a screen, or are not seen at all, and have no meaning in a file name.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_RESERVED = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*]')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|\Z)", re.IGNORECASE)


def safe_name(name: str) -> str:
    """The name without folders (RFC 2183 section 2.3), controls, and what a file system or a screen reads otherwise.

    '' where nothing is left. The end is kept of a long one: it holds the extension.
    """
    name = _INVISIBLE.sub("", name).replace("\\", "/").rpartition("/")[2]
    octets = _RESERVED.sub("_", name).strip().encode("utf-8", "ignore")[-limits.FILE_NAME_OCTETS :]
    name = octets.decode("utf-8", "ignore").lstrip(". ").rstrip(". ")
    return f"_{name}" if _DEVICE.match(name) else name
