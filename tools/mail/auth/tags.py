"""Tag lists (RFC 6376 section 3.2): `v=1; a=rsa-sha256; …`, in signatures and in key records."""

import re
from base64 import b64decode

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WHITE = " \t\r\n"


def read_tags(text: bytes) -> dict[str, str]:
    """Tags by their case-sensitive names, white space around the values taken off. ValueError says what is wrong."""
    try:
        specs = text.decode().split(";")  # RFC 8616 section 4: UTF-8
    except UnicodeDecodeError as error:
        raise ValueError("the tag list is not UTF-8") from error
    if not specs[-1].strip(_WHITE):
        specs.pop()
    tags: dict[str, str] = {}
    for spec in specs:
        name, equals, value = spec.partition("=")
        name = name.strip(_WHITE)
        if not equals or not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise ValueError("the tag list is malformed")
        if name in tags:
            raise ValueError(f"the tag {name}= is there twice")
        tags[name] = value.strip(_WHITE)
    return tags


def unsigned(line: bytes) -> bytes:
    """A signature's field with its b= value empty, white space around the value gone (RFC 6376 section 3.7)."""
    name, colon, tags = line.partition(b":")
    specs = tags.split(b";")
    for place, spec in enumerate(specs):
        tag, equals, _ = spec.partition(b"=")
        if equals and tag.strip(b" \t\r\n") == b"b":
            specs[place] = tag + equals
    return name + colon + b";".join(specs)


def octets(value: str) -> bytes:
    """The bytes of a base64 value, white space in it or not. Raises ValueError."""
    return b64decode("".join(value.split()), validate=True)
