"""The outbound rules, over every combination of facts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from policies.decision import Finding, Verdict
from policies.facts import Allowance, Content, Conversation, Outbound
from policies.modes import GATES, Mode
from policies.outbound import RULES, decide

ADDRESSES = st.lists(st.sampled_from(["a@example.com", "b@example.com", "c@example.com"]), max_size=3, unique=True)


@st.composite
def facts(draw: st.DrawFn) -> Outbound:
    recipients = tuple(draw(ADDRESSES))
    strangers = tuple(address for address in recipients if draw(st.booleans()))
    approver = draw(st.sampled_from([None, "boss@example.org"]))
    mode, requested = draw(st.sampled_from(Mode)), draw(st.booleans())
    return Outbound(
        mode,
        recipients,
        strangers,
        requested,
        approver,
        suppressed=(),
        content=Content("Subject", "Text"),
        correspondents=(),
        familiar_domains=(),
        repeated="",
        allowance=Allowance(now=0),
        conversation=Conversation(),
        sources=(),
    )


@given(facts())
def test_mail_without_an_approver_leaves_only_as_the_mode_allows(given: Outbound) -> None:
    decision = decide(replace(given, approver=None))
    if decision.verdict is Verdict.ALLOW:
        gate = GATES[given.mode]
        assert given.recipients and not given.requested
        assert gate.outbound is Verdict.ALLOW or (gate.allowlist and not given.strangers)


@given(facts())
def test_approval_overrides_oversight_and_nothing_else(given: Outbound) -> None:
    verdict = decide(replace(given, approver="boss@example.org")).verdict
    assert verdict is (Verdict.ALLOW if given.recipients else Verdict.DENY)


@given(facts())
def test_asking_for_approval_always_holds(given: Outbound) -> None:
    asked = replace(given, requested=True, approver=None, recipients=("a@example.com",))
    assert decide(asked).verdict is Verdict.HOLD


@given(facts())
def test_more_autonomy_never_makes_a_verdict_stricter(given: Outbound) -> None:
    verdicts = [decide(replace(given, mode=mode)).verdict.strictness for mode in Mode]
    assert verdicts == sorted(verdicts, reverse=True)


@given(facts())
def test_a_rule_that_raises_holds(given: Outbound) -> None:
    def broken(_: Outbound) -> Finding | None:
        raise RuntimeError("no facts")

    decision = decide(given, (*RULES, broken))
    assert decision.verdict is not Verdict.ALLOW


def test_no_rule_at_all_holds() -> None:
    assert decide(Outbound(Mode.AUTONOMOUS, ("a@example.com",), ()), ()).verdict is Verdict.HOLD


@given(facts())
def test_the_reasons_are_of_the_rules_that_decided(given: Outbound) -> None:
    decision = decide(given)
    assert decision.deciding and all(finding.verdict is decision.verdict for finding in decision.deciding)
    assert all(finding.reason for finding in decision.findings)
