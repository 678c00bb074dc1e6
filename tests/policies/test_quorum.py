"""The quorum: two different overseers for what is risky, one for the rest, over every combination of facts."""

from hypothesis import given
from hypothesis import strategies as st

from policies.decision import Finding, Verdict
from policies.outbound import RULES
from policies.quorum import RISKY, approvals_missing, approvals_needed, risky

NAMES = tuple(str(getattr(rule, "__name__", "")) for rule in RULES)
PEOPLE = ("boss@example.org", "vice@example.org", "ada@agents.example")

findings = st.lists(
    st.builds(Finding, st.sampled_from(NAMES), st.sampled_from(Verdict), st.just("A reason.")), max_size=6
)
rules = st.frozensets(st.sampled_from(NAMES))
people = st.lists(st.sampled_from(PEOPLE), max_size=6)


def test_the_risky_rules_are_rules() -> None:
    assert set(NAMES) >= RISKY


@given(findings, st.integers(1, 3), rules)
def test_two_must_approve_exactly_what_a_risky_rule_holds_where_there_are_two(
    found: list[Finding], overseers: int, named: frozenset[str]
) -> None:
    held = any(each.rule in named and each.verdict is Verdict.HOLD for each in found)
    assert approvals_needed(found, overseers, named) == (2 if held and overseers > 1 else 1)
    assert bool(risky(found, named)) is held


@given(findings, findings, rules, rules)
def test_more_findings_and_more_risky_rules_never_need_fewer(
    found: list[Finding], more: list[Finding], named: frozenset[str], others: frozenset[str]
) -> None:
    assert approvals_needed(found, 2, named) <= approvals_needed(found + more, 2, named | others)


@given(people, st.lists(st.sampled_from(PEOPLE[:2]), min_size=1, max_size=2, unique=True), st.integers(1, 2))
def test_a_quorum_is_that_many_different_overseers(approvers: list[str], overseers: list[str], needed: int) -> None:
    counted = {each for each in approvers if each in overseers}
    missing = approvals_missing(approvers, overseers, needed)
    assert (missing == 0) is (len(counted) >= needed)
    assert approvals_missing(approvers * 2, overseers, needed) == missing, "the same person twice counts once"
    assert approvals_missing([], overseers, needed) == needed
