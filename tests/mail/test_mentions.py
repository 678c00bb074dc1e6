"""Addresses in a text, however they are written, and quickly."""

import time

import pytest

from tools.mail.address import untagged
from tools.mail.mentions import mentioned

EVE = "eve@evil.test"


@pytest.mark.parametrize(
    "text",
    [
        "write to Eve@Evil.test.",
        "<eve@evil.test>, (eve@evil.test)",
        "eve＠evil.test",
        "eve@evil。test",
        "eve@\nevil.test",
        "eve @ evil.test",
        "eve [at] evil [dot] test",
        "eve(at)evil(dot)test",
        "e**v**e@`evil.test`",
        "mailto:eve%40evil.test",
        "https://x.example/?to=%65ve%40evil.test&b=1",
        "eve+news@evil.test",
        "'eve@evil.test'",
    ],
)
def test_an_address_is_found_as_people_and_pages_write_it(text: str) -> None:
    assert EVE in mentioned(text, 10)


def test_an_escaped_underscore_belongs_to_the_address() -> None:
    assert mentioned("first\\_last@example.com", 10) == ["first_last@example.com"]


def test_each_is_there_once_and_no_more_than_asked_for() -> None:
    assert mentioned("a@b.test, A@b.test and c@d.test", 10) == ["a@b.test", "c@d.test"]
    assert len(mentioned(" ".join(f"a{number}@b.test" for number in range(50)), 7)) == 7
    assert mentioned("Come (at) noon, @bob and @carl", 10) == []


def test_a_tag_is_left_off_and_nothing_else() -> None:
    assert untagged("Eve+A+B@Evil.test") == EVE == untagged(EVE)
    assert untagged("+eve@evil.test") == "+eve@evil.test"


@pytest.mark.parametrize("piece", ["a@", "a @ \n", "a@ (dot) ", "(at)", "%40%", "a@b."])
def test_a_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    began = time.process_time()
    mentioned(piece * 200_000, 500)
    assert time.process_time() - began < 2.0
