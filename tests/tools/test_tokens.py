"""Tokens are estimated by script, and a cut keeps to its budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.tokens import estimate, fitting


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("The meeting is on Thursday at nine, and everybody is welcome.", 11, 17),
        ("Встреча состоится в четверг в девять часов утра.", 14, 34),
        ("会议定于星期四上午九点举行，欢迎大家参加。", 14, 30),
        ("회의는 목요일 오전 9시에 열립니다.", 10, 22),
    ],
)
def test_the_estimate_lies_where_tokenizers_do(text: str, least: int, most: int) -> None:
    assert least <= estimate(text) <= most


@given(st.text(max_size=400), st.integers(min_value=0, max_value=120))
def test_a_cut_keeps_to_the_budget_and_wastes_little(text: str, budget: int) -> None:
    length = fitting(text, budget)
    assert estimate(text[:length]) <= budget
    if length < len(text):
        assert estimate(text[:length]) >= budget * 0.8 - 4


def test_a_cut_falls_between_lines_or_words() -> None:
    assert "one two three four five six"[: fitting("one two three four five six" * 9, 5)].endswith(" ")
