"""Header fields, encoded words and parameters as senders write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.charset import charset_of_page, decode, text_of
from tools.mail.headers import decode_words, from_base64, parameters, read_header


def test_fields_are_unfolded_and_the_body_begins_behind_the_blank_line() -> None:
    header, body = read_header(b"From x Mon\r\nTo: a,\r\n b\r\nSubject : x\r\nto:c\r\n\r\nbody", 0)
    assert header.fields == (("to", b"a, b"), ("subject", b"x"), ("to", b"c"))
    assert body == len(b"From x Mon\r\nTo: a,\r\n b\r\nSubject : x\r\nto:c\r\n\r\n")
    assert header.all("to") == [b"a, b", b"c"]
    assert header.first("cc") == b""


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9_noir?=", "café noir"),
        ("=?UTF-8?B?Y2Fmw6k=?= au lait", "café au lait"),
        ("=?utf-8?q?a?=  =?utf-8?q?b?= c", "ab c"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),  # one character cut in two words
        ("=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"),
        ("=?iso-8859-1*fr?q?=E9?=", "é"),
        ("=?no-such-charset?q?=C3=A9?=", "é"),
        ("=?rot13?q?uryyb?=", "uryyb"),  # a transform is no charset
        ("=?utf-8?q?a=0D=0ABcc:_b?=", "a Bcc: b"),
        ("=?utf-8?q?=00?=", "\ufffd"),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
        ("=?utf-8?q?How are you? Fine? Gr=C3=BC=C3=9Fe?= x", "How are you? Fine? Grüße x"),  # not encoded as it should
        ("=?utf-8?q?Ready??= =?utf-8?q?=41?=", "Ready?A"),
    ],
)
def test_encoded_words(text: str, decoded: str) -> None:
    assert decode_words(text) == decoded


@pytest.mark.parametrize(
    ("value", "main", "name"),
    [
        (b"text/plain; name=a.txt", "text/plain", "a.txt"),
        (b'Text/Plain (comment); name="a;b.txt"; x=y', "text/plain", "a;b.txt"),
        (b'a/b; name="say \\"hi\\".txt"', "a/b", 'say "hi".txt'),
        (b"a/b; name=two words.txt", "a/b", "two words.txt"),
        (b'a/b; name="=?utf-8?q?caf=C3=A9.txt?="', "a/b", "café.txt"),
        ('a/b; name="café.txt"'.encode(), "a/b", "café.txt"),
        (b'a/b; name="caf\xe9.txt"', "a/b", "café.txt"),
        (b"a/b; name*=utf-8''caf%C3%A9.txt; name=fallback.txt", "a/b", "café.txt"),
        (b"a/b; name*1*=%A9.txt; name*0*=utf-8''caf%C3", "a/b", "café.txt"),
        (b'a/b; name*0="one "; name*1="two"', "a/b", "one two"),
        (b"a/b; name*=no-charset%41", "a/b", "no-charsetA"),
        (b'a/b; name="unclosed.txt', "a/b", "unclosed.txt"),
    ],
)
def test_parameters(value: bytes, main: str, name: str) -> None:
    content_type, params = parameters(value)
    assert content_type == main
    assert params["name"] == name


@pytest.mark.parametrize(
    ("data", "charset", "text", "known"),
    [
        ("grüße".encode("cp1252"), "windows-1252", "grüße", True),
        ("grüße".encode(), "", "grüße", True),
        ("grüße".encode(), "us-ascii", "grüße", True),
        ("grüße".encode("cp1252"), "", "grüße", True),
        ("日本".encode("iso-2022-jp"), "ISO-2022-JP", "日本", True),
        ("日本".encode("cp932"), '"shift_jis"', "日本", True),
        ("привет".encode("koi8-r"), "koi8-r", "привет", True),
        ("grüße".encode("utf-16"), "utf-16", "grüße", True),
        (b"+2AA-", "utf-7", "\ufffd", True),
        ("é".encode(), "x-unknown", "é", False),
        (b"\\ud800", "unicode_escape", "\\ud800", False),
        (b"a\0b", "us-ascii", "a\ufffdb", True),
        ("שלום".encode("iso8859_8"), "ISO-8859-8-I", "שלום", True),  # as Hebrew mail says (RFC 1556)
        ("สวัสดี".encode("cp874"), "windows-874", "สวัสดี", True),
        ("髙".encode("cp932"), "windows-31j", "髙", True),
        ("日本".encode("cp932"), "x-sjis", "日本", True),
        ("한국".encode("cp949"), "ks_c_5601-1989", "한국", True),
    ],
)
def test_charsets(data: bytes, charset: str, text: str, known: bool) -> None:
    assert decode(data, charset) == (text, known)


@pytest.mark.parametrize("data", [b"A=", b"QQ==", b"=", b"QQ==\n="])
def test_base64_of_many_pieces_is_cheap(data: bytes) -> None:
    decoded, _ = cheaply(lambda: from_base64(data * (1_000_000 // len(data))), 1)
    assert len(decoded) <= 1_000_000


def test_undeclared_bytes_of_a_header_are_of_windows() -> None:
    assert decode_words(text_of(b"It\x92s \x80 5 \x96 caf\xe9")) == "It’s € 5 – café"


@pytest.mark.parametrize(
    ("page", "charset"),
    [
        (b'<meta charset="windows-1251">\xcf', "windows-1251"),
        (b'<meta http-equiv=Content-Type content="text/html; charset=koi8-r"/>\xcf', "koi8-r"),
        ('<meta charset="windows-1251">П'.encode(), ""),
        (b"<meta charset=utf-16>\xcf", ""),
        (b"<meta charset=no-such>\xcf", ""),
        (b"<p>charset=koi8-r\xcf", ""),
    ],
)
def test_a_page_names_its_charset_where_it_is_not_utf_8(page: bytes, charset: str) -> None:
    assert charset_of_page(page) == charset


@given(st.binary(max_size=200), st.text(max_size=30) | st.sampled_from(["utf-7", "utf-16", "hz", "iso-2022-jp"]))
def test_any_bytes_in_any_charset_are_storable_text(data: bytes, charset: str) -> None:
    text, _ = decode(data, charset)
    assert "\0" not in text
    text.encode()


@given(st.text(max_size=200))
def test_decoded_words_are_one_storable_line(text: str) -> None:
    decoded = decode_words(text)
    assert decoded.splitlines() in ([], [decoded])
    decoded.encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_parameters(value: bytes) -> None:
    for text in parameters(value)[1].values():
        text.encode()


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (b"From ada@example.com Thu Jan  1 00:00:00 2026", ["subject"]),
        (b">From ada@example.com Thu Jan  1 00:00:00 2026", ["subject"]),
        (b"From : ada@example.com", ["from", "subject"]),
    ],
)
def test_a_line_of_an_mbox_is_no_field_and_an_old_form_is_one(line: bytes, fields: list[str]) -> None:
    header, _ = read_header(line + b"\r\nSubject: Hello\r\n\r\nBody\r\n", 0)
    assert [name for name, _ in header.fields] == fields
