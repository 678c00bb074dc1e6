"""Words: folded alike for the index and for the query, and within what both databases hold."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tools.mail.words import MARK, MOST_OF_A_WORD, MOST_WORDS, WORD_CHARS, entry, section, words


def test_case_accents_and_what_nobody_sees_do_not_matter() -> None:
    assert words("Crème BRÛLÉE, in\u00advoice ﬁne Straße İstanbul ℌ２") == [
        "creme", "brulee", "invoice", "fine", "strasse", "istanbul", "h2",
    ]  # fmt: skip
    assert words("שָׁלוֹם مَرْحَبًا") == ["שלום", "مرحبا"]


def test_scripts_without_spaces_are_words_a_character() -> None:
    assert words("東京タワー2x") == ["東", "京", "タ", "ワ", "ー", "2x"]


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
