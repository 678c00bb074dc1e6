"""The category a submitted mail gives itself, and that the fields which say it do not leave."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.modes import Mode
from storage.database import one
from storage.records import Message
from tests.conftest import World
from tools.errors import Refusal
from tools.fields import Category
from tools.mail.category import CATEGORIES, category_of
from tools.submit_raw import submit_raw

MAIL = b"From: ada@agents.example\r\nTo: bob@example.org\r\n%sSubject: Hello\r\n\r\nisTransactional: false\r\n"


def any_case(text: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from([each.lower(), each.upper()]) for each in text)).map("".join)


@given(any_case("isTransactional"), any_case("true"), any_case("false"))
def test_004_6_the_header_is_read_in_any_letter_case(name: str, yes: str, no: str) -> None:
    assert category_of([b"Subject: x", f"{name}: {yes}".encode()]) == "transactional"
    assert category_of([f"{name} :{no} ".encode()]) == "bulk"


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_other_fields_say_nothing(fields: list[bytes]) -> None:
    assert category_of([b"X-" + field for field in fields if not field.lower().startswith(b"gatepost")]) == (
        "transactional"
    )


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_each_category_has_its_word_and_the_last_one_counts(category: str) -> None:
    assert category_of([b"isTransactional: false", f"X-Gatepost-Category: {category}".encode()]) == category
    assert category in get_args(Category) and len(CATEGORIES) == len(get_args(Category))


@pytest.mark.parametrize("field", [b"isTransactional: bulk", b"isTransactional:", b"X-Gatepost-Category: \xff"])
def test_a_word_that_is_none_is_not_taken_for_transactional(field: bytes) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        category_of([field])


async def test_004_6_the_header_is_off_the_wire(world: World) -> None:
    mailbox = await world.in_mode(Mode.AUTONOMOUS)
    for field, category in ((b"", "transactional"), (b"ISTRANSACTIONAL: False\r\n", "bulk")):
        done = await submit_raw(world.context, mailbox, ["bob@example.org"], MAIL.replace(b"%s", field + b"X: y\r\n"))
        stored = await one(world.system.db, Message, "message", id=done.message.id, mailbox_id=mailbox.id)
        assert stored is not None and stored.category == category
        rows = await world.system.db.rows("wire", message_id=done.message.id, revision=1)
        header, _, body = rows[0]["data"].partition(b"\r\n\r\n")
        assert b"istransactional" not in header.lower() and b"X: y" in header and b"isTransactional" in body
        world.clock.at += 120_000_000  # or it would be the same mail again
    with pytest.raises(Refusal) as refused:
        await submit_raw(world.context, mailbox, ["bob@example.org"], MAIL.replace(b"%s", b"isTransactional: no\r\n"))
    assert refused.value.code == "malformed_mail"
