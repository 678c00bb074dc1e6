"""The rule about regions: what is barred is denied, what is unknown is held, and more barring lets no more through."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decision import Verdict
from policies.facts import Origin, Outbound
from policies.modes import Mode
from policies.region import region

CODES = ("DE", "KP", "UA", "UA-43", "UA-30")
NEAR = ("DE",)

codes = st.frozensets(st.sampled_from(CODES))
places = st.sampled_from([(), ("DE",), ("KP",), ("UA",), ("UA", "UA-43"), ("UA", "UA-30")])
origins = st.builds(Origin, places, codes, codes)


def verdict(origin: Origin | None, approver: str | None = None) -> Verdict | None:
    found = region(Outbound(Mode.AUTONOMOUS, ("a@example.com",), (), approver=approver, origin=origin))
    return found.verdict if found else None


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        (None, None),
        (Origin(NEAR, denied=frozenset({"KP"})), None),
        (Origin(("KP",), denied=frozenset({"KP"})), Verdict.DENY),
        (Origin((), denied=frozenset({"KP"})), Verdict.HOLD),
        (Origin(NEAR, allowed=frozenset({"DE"})), None),
        (Origin(("KP",), allowed=frozenset({"DE"})), Verdict.DENY),
        (Origin(("UA", "UA-30"), denied=frozenset({"UA-43"})), None),
        (Origin(("UA", "UA-43"), denied=frozenset({"UA-43"})), Verdict.DENY),
        (Origin(("UA", "UA-43"), denied=frozenset({"UA"})), Verdict.DENY),
        (Origin(("UA",), denied=frozenset({"UA-43"})), Verdict.HOLD),
        (Origin(("UA", "UA-43"), allowed=frozenset({"UA"}), denied=frozenset({"UA-43"})), Verdict.DENY),
    ],
)
def test_003_a_region_that_is_not_served_is_refused(origin: Origin | None, found: Verdict | None) -> None:
    """Seed 003's compliance error: the request originates from a region under sanctions."""
    assert verdict(origin) is found


@given(origins)
def test_the_unknown_never_passes_and_the_barred_is_never_let_in(origin: Origin) -> None:
    found = verdict(origin)
    if not origin.places:
        assert found is Verdict.HOLD
    if origin.denied.intersection(origin.places):
        assert found in (Verdict.DENY, Verdict.HOLD)
    assert verdict(origin, approver="boss@example.org") is None


@given(origins, codes)
def test_more_barred_regions_never_let_more_through(origin: Origin, more: frozenset[str]) -> None:
    if verdict(origin) is not None:
        assert verdict(replace(origin, denied=origin.denied | more)) is not None
