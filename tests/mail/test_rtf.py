"""RTF as a page: letters of any kind, what is hidden, a page that was put into it; and the packing around it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tests.mail.winmail import packed
from tools.mail import limits
from tools.mail.lzfu import Malformed, unpacked
from tools.mail.rtf import page_of

TABLE = rb"{\colortbl;\red255\green255\blue255;\red0\green0\blue0;}"


@pytest.mark.parametrize(
    ("rtf", "page"),
    [
        (rb"{\rtf1 Hello\par Ada\line <b>\tab x}", "Hello<br>\nAda<br>\n&lt;b&gt;\tx"),
        (rb"{\rtf1\ansicpg1251 \'cf\'f0\'e8}", "При"),
        (rb"{\rtf1\ansicpg932 \'89\'ef\'8b\'63}", "会議"),
        (rb"{\rtf1 \u8364?5 \uc2\u8364ab6 \uc0\u8364 7}", "€5 €6 €7"),
        (rb"{\rtf1 \u-10179?\u-8694?\u-10179?}", "😊\ufffd"),
        (rb"{\rtf1 \{a\}\\ \lquote b\rquote\~c\_d}", "{a}\\ ‘b’\u00a0c-d"),
        (rb"{\rtf1{\fonttbl{\f0 Arial;}}{\*\generator x;}{\info{\author y}}{\*\unknown{z}}a}", "a"),
        (rb"{\rtf1 a{\pict 8950\bin3 }}}}b}", "ab"),
        (rb"{\rtf1 a{\v b\v0 c}d\plain e}", 'a<span style="display:none">b</span>cde'),
        (rb"{\rtf1 a{\fs2 b}{\fs24 c}}", 'a<span style="font-size:1.0pt">b</span>c'),
        (
            rb"{\rtf1" + TABLE + rb"{\cf1 a}{\cf2\highlight2 b}{\cf9 c}{\cf0 d}}",
            '<span style="color:#ffffff">a</span><span style="color:#000000;background-color:#000000">b</span>cd',
        ),
        (b"{\\rtf1 a\r\nb\\\nc}}} d", "ab<br>\nc d"),
        (b"", ""),
        (b"\\", ""),
    ],
)
def test_text_of_any_kind(rtf: bytes, page: str) -> None:
    assert page_of(rtf) == page


def test_a_page_that_was_put_into_rtf_comes_out() -> None:
    rtf = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \fbidis {\*\htmltag64 <p style='display:none'>}\htmlrtf {\f0\htmlrtf0 "
        rb"1 < 2{\*\htmltag84 &nbsp;}\htmlrtf\par}\htmlrtf0 there{\*\mhtmltag84 no}{\*\htmltag72 </p>}}"
    )
    assert page_of(rtf) == "<p style='display:none'>1 &lt; 2&nbsp;there</p>"


def test_the_example_of_the_specification_is_unpacked() -> None:
    data = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpacked(data) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


@given(st.lists(st.sampled_from([b"a", b"bc", rb"\par ", b"{\\rtf1", bytes(20)])).map(b"".join))
def test_what_is_packed_is_unpacked(rtf: bytes) -> None:
    assert unpacked(packed(rtf)) == rtf
    plain = struct.pack("<4I", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf
    assert unpacked(plain) == rtf


def test_what_is_not_packed_so_is_refused() -> None:
    for data in (
        b"",
        b"{\\rtf1 Hello, Ada}",
        packed(b"x")[:12],
        struct.pack("<4I", 0, 9, 0x75465A4C, 0) + b"\1\x0d\0\0",
    ):
        with pytest.raises(Malformed):
            unpacked(data)


def test_so_much_is_unpacked() -> None:
    endless = struct.pack("<4I", 0, 2**32 - 1, 0x75465A4C, 0) + b"\0abcdefgh" * 100_000
    assert len(cheaply(lambda: unpacked(endless), 0.5)) == limits.RTF_BYTES


@pytest.mark.parametrize(
    "unit", [rb"\v\v0 ", rb"{\v a}", b"{", b"}", rb"\fs1 a\fs30 b", rb"\'4", b"\\", rb"\u9?", rb"\bin9"]
)
def test_a_page_costs_little(unit: bytes) -> None:
    rtf = unit * (limits.RTF_BYTES // len(unit))
    cheaply(lambda: page_of(rtf), 1.0)


@given(
    st.lists(
        st.sampled_from(
            [
                *map(bytes, zip(b"{}\\;'*a\n\xff", strict=True)),
                rb"\fromhtml1 ",
                rb"\u-1 ",
                rb"\'e",
                b"htmlrtf",
                rb"\*\htmltag ",
                rb"\colortbl",
                rb"\red9",
                rb"\cf1 ",
                rb"\bin2 ",
                rb"\uc9 ",
            ]
        )
    ).map(b"".join)
)
def test_any_tokens_make_a_page_that_can_be_stored(rtf: bytes) -> None:
    assert "\0" not in page_of(rtf)
    page_of(rtf).encode()
