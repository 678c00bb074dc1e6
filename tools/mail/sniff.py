"""What a file is by its first bytes, and whether that is what its sender says it is."""

from pathlib import PurePosixPath

HEAD_BYTES = 1024
"""So much of a file is looked at."""

_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"\x4c\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"#!", "text/x-script"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%!PS", "application/postscript"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_MARKUP = {
    b"<!doctype html": "text/html",
    b"<html": "text/html",
    b"<head": "text/html",
    b"<script": "text/html",
    b"<svg": "image/svg+xml",
    b"<!doctype svg": "image/svg+xml",
    b"<?xml": "application/xml",
}
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_ANYTHING = frozenset({"", "application/octet-stream", "application/x-download", "application/force-download"})
"""Types that say nothing."""
_OF_EXTENSION = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "csv": "text/csv",
    "ics": "text/calendar",
    "htm": "text/html",
    "html": "text/html",
    "svg": "image/svg+xml",
    "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "rtf": "application/rtf",
    "eml": "message/rfc822",
    "mp3": "audio/mpeg",
}
_CONTAINERS = {
    "application/zip": (
        "openxmlformats",
        "opendocument",
        "epub",
        "java-archive",
        "zip",
        "android.package",
        "macroenabled",
    ),
    "application/x-ole-storage": ("msword", "ms-excel", "ms-powerpoint", "ms-outlook", "openxmlformats", "ms-office"),
    "application/xml": ("xml", "svg", "html"),
    "application/gzip": ("gzip", "x-tar", "x-tgz"),
    "application/vnd.microsoft.portable-executable": (
        "portable-executable",
        "msdownload",
        "dosexec",
        "x-msdos-program",
    ),
    "application/vnd.rar": ("rar",),
    "application/rtf": ("rtf", "msword"),
    "audio/mpeg": ("mpeg", "mp3"),
    "audio/ogg": ("ogg",),
    "image/jpeg": ("jpeg", "jpg", "pjpeg"),
    "text/html": ("html", "mhtml"),
    "text/x-script": ("script", "x-sh", "x-python", "x-perl", "text/plain"),
    "application/x-7z-compressed": ("7z",),
}
"""For a type seen, words of the declared types it goes with; a type not here goes with itself."""


def seen_type(head: bytes) -> str:
    """The media type of a file that begins so; '' where its first bytes do not tell. Text is only told by markup."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return "video/mp4"
    start = head
    for mark in _MARKS:
        start = start.removeprefix(mark)
    start = start[:HEAD_BYTES].replace(b"\0", b"").lstrip().lower()
    return next((kind for mark, kind in _MARKUP.items() if start.startswith(mark)), "")


def differs(declared: str, name: str, seen: str) -> bool:
    """Whether a file's declared type or its name's extension say another thing than what it is.

    Nothing is said of a file whose first bytes do not tell, nor by a type or an extension that means anything.
    """
    if not seen:
        return False
    extension = PurePosixPath(name.lower()).suffix.lstrip(".")
    return any(not _goes_with(said, seen) for said in (declared, _OF_EXTENSION.get(extension, "")))


def _goes_with(said: str, seen: str) -> bool:
    if said in _ANYTHING or said == seen:
        return True
    if seen == "video/mp4":  # the same container holds sound and pictures
        return said.startswith(("video/", "audio/", "image/"))
    return any(word in said for word in _CONTAINERS.get(seen, ()))
