"""The bounce address of a delivery."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.verp import bounce_address, delivery_of, delivery_of_token, feedback_token

SECRET = b"a secret of the server"
ID = "dlv_01jg8zk3m4n5p6q7r8s9t0vwxy"


def test_an_address_names_its_delivery() -> None:
    address = bounce_address(ID, "Mail.Example.com", SECRET)
    assert address.startswith(f"b+{ID}+")
    assert address.endswith("@mail.example.com")
    assert address == address.lower()
    assert len(address.split("@")[0]) <= 64
    assert delivery_of(address, SECRET) == ID


@given(st.text(string.ascii_lowercase + string.digits + "_-+", min_size=1, max_size=45))
def test_any_id_comes_back_in_any_letter_case(delivery_id: str) -> None:
    address = bounce_address(delivery_id, "example.com", SECRET)
    for seen in (address, address.upper(), address.title()):
        assert delivery_of(seen, SECRET) == delivery_id
    assert delivery_of(address, b"another secret") is None


@given(st.text(string.ascii_lowercase + string.digits + "_-+", min_size=1, max_size=45), st.text(max_size=100))
def test_a_feedback_token_names_its_delivery_and_is_no_bounce_address(delivery_id: str, other: str) -> None:
    token = feedback_token(delivery_id, SECRET)
    assert delivery_of_token(token, SECRET) == delivery_id
    assert delivery_of_token(token, b"another secret") is None
    assert delivery_of(f"b+{token}@example.com", SECRET) is None
    assert delivery_of_token(other, SECRET) is None


@given(st.integers(0, 63), st.sampled_from(string.ascii_lowercase + string.digits + "+@ é"))
def test_a_changed_character_is_noticed(place: int, char: str) -> None:
    address = bounce_address(ID, "example.com", SECRET)
    local = address.split("@")[0]
    changed = f"{local[:place]}{char}{local[place + 1 :]}"
    assert (delivery_of(f"{changed}@example.com", SECRET) == ID) == (changed == local)


@given(st.text(max_size=400))
def test_any_other_text_is_no_address_of_ours(text: str) -> None:
    assert delivery_of(text, SECRET) is None
    assert delivery_of(f"b+{text}@example.com", SECRET) is None


@pytest.mark.parametrize("delivery_id", ["dlv_ABC", "dlv_é", "x" * 60, "\udc80"])
def test_an_id_that_would_not_come_back_is_refused(delivery_id: str) -> None:
    with pytest.raises(ValueError):
        bounce_address(delivery_id, "example.com", SECRET)
