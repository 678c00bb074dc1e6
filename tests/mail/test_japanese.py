"""ISO-2022-JP with the letters that Windows adds to it."""

import pytest

from tools.mail import japanese
from tools.mail.charset import decode


def test_one_letter_of_windows_does_not_garble_the_mail() -> None:
    with pytest.raises(UnicodeDecodeError):
        # the letters that the library has no codec for, in the rows that NEC filled
        b"\x1b$B-!\x1b(B".decode("iso2022_jp_ext")
    assert japanese.decode(b"\x1b$B-!-j\x1b(B") == "\u2460\u3231"
    assert decode(b"a \x1b$B-!$3$s\x1b(B b\r\n\x1b$B|b\x1b(B", "iso-2022-jp") == (
        "a \u2460\u3053\u3093 b\r\n\u9ad9",
        True,
    )


def test_narrow_katakana_are_read() -> None:
    assert decode(b"\x1b(I1234\x1b(B", "ISO-2022-JP") == ("\uff71\uff72\uff73\uff74", True)


def test_every_letter_of_the_standard_is_read_as_python_reads_it() -> None:
    differing = []
    for row in range(0x21, 0x7F):
        for cell in range(0x21, 0x7F):
            data = b"\x1b$B" + bytes((row, cell)) + b"\x1b(B"
            try:
                expected = data.decode("iso2022_jp")
            except UnicodeDecodeError:
                continue
            if japanese.decode(data) != expected:
                differing.append(expected)
    # Windows has wide forms of these signs
    assert differing == list("\u301c\u2016\u2212\u00a2\u00a3\u00ac")


def test_what_is_cut_or_wrong_stays_readable() -> None:
    assert japanese.decode(b"\x1b$B$3$s$") == "\u3053\u3093$"
    assert japanese.decode(b"\x1b$B$3\nplain") == "\u3053\nplain"
