"""Bytes of any declared charset as text that UTF-8 and PostgreSQL can hold."""

import re
from encodings import normalize_encoding
from encodings.aliases import aliases

from tools.mail import japanese

# Lone surrogates cannot be encoded, and PostgreSQL text cannot hold U+0000.
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

# Python's transforms (zlib, rot13) and the codecs that are quadratic or raise warnings are not charsets of mail.
# Names are looked up here first because the codec registry remembers every unknown name for ever.
_TRANSFORMS = {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
_WITHOUT_ALIAS = {"cp737", "cp874", "cp875", "koi8_t", "koi8_u", "mac_croatian", "mac_romanian", "utf_8_sig"}
_CODECS = frozenset(aliases.values()) - _TRANSFORMS | _WITHOUT_ALIAS

# What senders mean, as in the WHATWG encoding standard: the name of the subset stands for the superset.
_SUPERSETS = {
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}

# Names of the WHATWG encoding standard and of old mailers that Python does not know, beside those with "x-" in front.
_OTHER_NAMES = {
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "dos_874": "cp874",
    "gb_2312": "gb18030",
    "gb_2312_80": "gb18030",
    "iso_2022_jp_ms": "iso2022_jp_ext",
    "iso_8859_6_e": "iso8859_6",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "koi8_ru": "koi8_u",
    "ks_c_5601_1989": "cp949",
    "ksc_5601": "cp949",
    "windows_31j": "cp932",
    "windows_874": "cp874",
    "windows_936": "gb18030",
    "windows_949": "cp949",
    "windows_950": "big5hkscs",
}
_ALIASES = aliases | _OTHER_NAMES
_META = re.compile(rb"<meta\s[^<>]{0,200}?charset\s{0,5}=[\s\"']{0,5}([\w:.-]{1,40})", re.IGNORECASE)
_META_BYTES = 1024  # in which a page names its charset (HTML section 13.2.3.2)


def codec_of(charset: str) -> str | None:
    """The Python codec for a charset name, or None when the charset is unknown or no charset."""
    if not charset or not charset.isascii() or len(charset) > 40:
        return None
    name = normalize_encoding(charset.strip(" \"'").lower()).removeprefix("x_")
    codec = _ALIASES.get(name, name)
    return _SUPERSETS.get(codec, codec) if codec in _CODECS else None


def decode(data: bytes, charset: str) -> tuple[str, bool]:
    """The text of `data`, and whether the charset, '' when undeclared, was a known one. Never raises.

    Bytes of no or an unknown charset are read as UTF-8, else as windows-1252; so are bytes the declared one cannot be,
    where UTF-8 fits them.
    """
    codec = codec_of(charset)
    for attempt in (codec, "utf_8"):
        if attempt and (text := _strictly(data, attempt)) is not None:
            return storable(text), codec is not None or not charset
        if attempt == "iso2022_jp_ext":  # all of its bytes are ASCII, which would be UTF-8 too
            return storable(japanese.decode(data)), True
    last = codec if codec and codec != "ascii" else "cp1252"
    return storable(data.decode(last, "replace")), codec is not None or not charset


def charset_of_page(data: bytes) -> str:
    """The charset that a page of HTML itself names, where nobody else does and it is not UTF-8; '' for none."""
    named = _META.search(data[:_META_BYTES]) if _strictly(data, "utf_8") is None else None
    name = named.group(1).decode("ascii", "replace") if named else ""
    # such a page cannot be what it says: its own name for it was read as ASCII
    return "" if name.lower().startswith("utf") or codec_of(name) is None else name


def text_of(data: bytes) -> str:
    """Undeclared bytes of a header: UTF-8 (RFC 6532), else windows-1252."""
    text = _strictly(data, "utf_8")
    return data.decode("cp1252", "replace") if text is None else text


def storable(text: str) -> str:
    """The text with U+FFFD for NUL and lone surrogates."""
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()  # far cheaper than to look for surrogates
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def one_line(text: str) -> str:
    """The text on one line: runs of controls and line ends, encoded ones too, become one space."""
    return (text if text.isprintable() else _CONTROL.sub(" ", text)).strip()


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeError:
        return None
