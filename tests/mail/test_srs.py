"""The sender rewriting scheme: there and back, and for nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.srs import LIFE_DAYS, is_rewritten, original, rewritten

SECRET = b"a secret that only the tests know"
DAY = 20_454
LOCAL = st.text("abcXYZ019._=+-", min_size=1, max_size=20)


def there(sender: str, domain: str = "agents.example", day: int = DAY) -> str:
    return rewritten(sender, domain, SECRET, day)


def test_000_15_the_form_is_that_of_srs0() -> None:
    address = there("Ann@example.com")
    kind, tag, stamp, host, local = address.partition("@")[0].split("=")
    assert (kind, host, local) == ("SRS0", "example.com", "Ann")
    assert len(tag) == 8 and len(stamp) == 2 and address.endswith("@agents.example") and is_rewritten(address)
    assert original(address, SECRET, DAY) == "Ann@example.com"


@given(LOCAL, st.integers(0, 10**6), st.integers(0, LIFE_DAYS))
def test_000_15_it_leads_back_as_long_as_it_lives(local: str, day: int, later: int) -> None:
    sender = f"x{local}@example.com"
    address = there(sender, day=day)
    if address:
        assert original(address, SECRET, day + later) == sender
        assert original(address.lower(), SECRET, day + later) == sender.lower(), "the case is not kept everywhere"


def test_000_15_it_expires() -> None:
    address = there("ann@example.com")
    assert original(address, SECRET, DAY + LIFE_DAYS) and original(address, SECRET, DAY + LIFE_DAYS + 1) is None
    assert original(address, SECRET, DAY - 1) is None, "nor is it from tomorrow"


@given(st.text(max_size=80), st.integers(0, 10**6))
def test_000_15_nobody_else_makes_one(text: str, day: int) -> None:
    for forged in (text, f"SRS0={text}@agents.example", f"SRS1={text}@agents.example", f"SRS0=AAAAAAAA={text}@x.test"):
        assert original(forged, SECRET, day) is None


@pytest.mark.parametrize("sender", ['"ann b"@example.com', "ann@[192.0.2.1]", "ann..b@example.com", "ann.@example.com"])
def test_000_15_what_would_have_to_be_quoted_is_the_null_sender(sender: str) -> None:
    """The remote would refuse such an address, and with it the mail."""
    assert there(sender) == ""


def test_000_15_a_changed_letter_makes_it_worthless() -> None:
    address = there("ann@example.com")
    for place in range(5, address.index("@")):
        changed = address[:place] + ("B" if address[place] != "B" else "C") + address[place + 1 :]
        assert original(changed, SECRET, DAY) is None
    assert original(address, b"another secret", DAY) is None


def test_000_15_what_another_forwarder_made_keeps_who_made_it() -> None:
    first = there("ann@example.com", "one.example")
    second = rewritten(first, "two.example", b"two", DAY)
    assert second.startswith("SRS1=") and "one.example" in second
    assert original(second, b"two", DAY) == first
    third = rewritten(second, "three.example", b"three", DAY)
    assert third.startswith("SRS1=") and third.count("=") == second.count("="), "it does not grow with each forwarder"
    back = original(third, b"three", DAY)
    assert back == first and original(back, SECRET, DAY) == "ann@example.com"


@pytest.mark.parametrize(
    "sender", ["", "@example.com", "ann", f"{'a' * 60}@example.com", f"ann@{'b' * 50}.example.com"]
)
def test_000_15_who_cannot_be_told_is_the_null_sender(sender: str) -> None:
    assert there(sender) == ""
