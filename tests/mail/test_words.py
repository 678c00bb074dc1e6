"""Words: folded alike for the index and for the query, and within what both databases hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.words import MARK, MOST_BYTES, MOST_OF_A_WORD, MOST_WORDS, WORD_CHARS, entry, section, words


def test_case_accents_and_what_nobody_sees_do_not_matter() -> None:
    assert words("Crème BRÛLÉE, in\u00advoice ﬁne Straße İstanbul ℌ２") == [
        "creme", "brulee", "invoice", "fine", "strasse", "istanbul", "h2",
    ]  # fmt: skip
    assert words("שָׁלוֹם مَرْحَبًا") == ["שלום", "مرحبا"]


def test_what_is_written_in_two_ways_is_one_word() -> None:
    assert words("Łódź, Ærøskøbing, Đà Nẵng, ışık IŞIK") == ["lodz", "aeroskobing", "da", "nang", "isik", "isik"]
    assert words("محمـــد") == ["محمد"], "drawn out to fill the line"
    assert words("בית־ספר") == ["בית", "ספר"], "joined by a hyphen"
    assert words("٤٧١١ ४७११ ４７１１") == ["4711"] * 3


def test_scripts_without_spaces_are_words_a_character() -> None:
    assert words("東京タワー2x") == ["東", "京", "タ", "ワ", "ー", "2x"]
    assert words("ไป กรุงเทพ ๒๐๒๖") == ["ไ", "ป", "ก", "ร", "ุ", "ง", "เ", "ท", "พ", "2026"]


def test_vowels_that_are_marks_belong_to_their_words() -> None:
    assert words("मैं हिन्दी सीखता हूँ") == ["मैं", "हिन्दी", "सीखता", "हूँ"]
    assert words("தமிழ்-நாடு") == ["தமிழ்", "நாடு"]
    assert words("हा") != words("ही")


@given(st.text())
def test_words_hold_nothing_that_a_query_language_could_mean(text: str) -> None:
    for word in words(text):
        assert 0 < len(word) <= WORD_CHARS
        assert not re.search(rf"[\s\x00-\x2f\x3a-\x60\x7b-\x7f{MARK}]", word), word


@given(st.text())
def test_ascii_is_folded_as_all_text_is(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert words(plain) == words(f"{plain} é")[:-1]


def test_a_section_stands_for_its_field_as_well() -> None:
    assert section("Ann Lee", "from") == ["ann", "lee", MARK, f"from{MARK}ann", f"from{MARK}lee", MARK]


def test_an_entry_keeps_places_but_not_every_one_of_a_word() -> None:
    text = entry([["a"] * 300, ["b"]])
    assert text.split().count("a") == MOST_OF_A_WORD and text.split().index("b") == 300
    assert len(entry([[str(number) for number in range(20_000)]]).split()) == MOST_WORDS


@pytest.mark.parametrize("letter", ["a", "é", "ท", "𐐨"])
def test_an_entry_fits_into_a_database(letter: str) -> None:
    said = [f"{number:05}{letter * (WORD_CHARS - 5)}" for number in range(MOST_WORDS)]
    text = entry([said])
    assert MOST_BYTES - 300 <= len(text.encode()) <= MOST_BYTES and text.split() == said[: len(text.split())]
