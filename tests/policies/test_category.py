"""Exempt categories: believed of a marked mailbox, decided by a person for any other."""

from hypothesis import given
from hypothesis import strategies as st

from policies.category import category_trusted
from policies.decision import Verdict
from policies.facts import Outbound
from policies.modes import Mode
from policies.suppression import BULK, EXEMPT

CATEGORIES = st.sampled_from(sorted(BULK | EXEMPT | {"transactional"}))


@given(CATEGORIES, st.sampled_from([True, False, None]), st.sampled_from([None, "boss@example.org"]))
def test_000_10_only_a_marked_mailbox_or_a_person_lets_an_exempt_category_go(
    category: str, trusted: bool | None, approver: str | None
) -> None:
    facts = Outbound(
        Mode.AUTONOMOUS, ("a@example.com",), (), category=category, trusted_category=trusted, approver=approver
    )
    finding = category_trusted(facts)
    believed = category not in EXEMPT or trusted is True or approver is not None
    assert (finding is None) is believed
    assert finding is None or finding.verdict is Verdict.HOLD
