"""Paragraphs that mail programs broke for old screens are whole again (RFC 3676)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.flowed import unflowed
from tools.mail.parse import parse


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("one \n\ntwo", "one \n\ntwo"),
        ("> one \n> two\n>> three \n>> four\n> five", "> one two\n>> three four\n> five"),
        ("> one \ntwo", "> one \ntwo"),  # another depth begins another paragraph
        (" From here\n  indented", "From here\n indented"),
        ("bye \n-- \nAnn \nBell", "bye \n-- \nAnn Bell"),
        ("> -- \n> Ann", "> -- \n> Ann"),
        (">\n> \n", ">\n>\n"),
        ("", ""),
    ],
)
def test_soft_line_ends_go(text: str, joined: str) -> None:
    assert unflowed(text, delete_space=False) == joined


def test_with_delsp_a_blank_stays_only_where_it_is_of_the_text() -> None:
    assert (
        unflowed("see \nhttps://example.com/a \nb  \nand on", delete_space=True) == "seehttps://example.com/ab and on"
    )


def test_a_mail_is_read_as_its_reader_sees_it() -> None:
    raw = (
        "Content-Type: text/plain; charset=utf-8; Format=Flowed; DelSp=yes\n\n"
        "Join us: https://meet.example.com/abc \ndef  \nto-day.\n\n"
        "On Fri, Nov 13, 2026 at 4:12 PM Ann  \n<ann@example.com> wrote:\n> A long  \n> question?\n"
    )
    parsed = parse(raw.encode())
    assert parsed.new_text == "Join us: https://meet.example.com/abcdef to-day."
    assert parsed.quoted == "On Fri, Nov 13, 2026 at 4:12 PM Ann <ann@example.com> wrote:\n> A long question?"


def test_lines_of_other_text_stay() -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\n\n one \ntwo\n"
    assert parse(raw).text == " one \ntwo\n"


@given(st.text(st.sampled_from("a >-\n")), st.booleans())
def test_no_word_is_lost(text: str, delete_space: bool) -> None:
    joined = unflowed(text, delete_space=delete_space)
    assert [letter for letter in joined if letter in "a-"] == [letter for letter in text if letter in "a-"]
    assert joined.count("\n") <= text.count("\n")


def test_one_endless_paragraph_is_cheap() -> None:
    assert len(cheaply(lambda: unflowed("a \n" * 300_000, delete_space=False), 1)) == 600_001
