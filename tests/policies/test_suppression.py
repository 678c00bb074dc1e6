"""Suppression: whom it stops, and what outcomes make of a contact."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from policies.decision import Verdict
from policies.facts import Outbound, Suppressed
from policies.modes import Mode
from policies.outbound import decide
from policies.suppression import (
    BOUNCES_IN_ROW,
    BULK,
    EXEMPT,
    NOT_THE_ADDRESS,
    Reason,
    Settled,
    after_outcome,
    applies,
    strength,
    suppressed,
)

CATEGORIES = sorted(BULK | EXEMPT | {"transactional"})
ENTRIES = st.builds(Suppressed, st.just("a@example.com"), st.sampled_from(list(Reason)), st.booleans())
COUNTED = ["Spam", "BlackListed", "Throttled", "GreyListed", "DNSProblem", "SPFProblem", "Timeout", "Unknown"]
EVERY = [*COUNTED, "NoMailbox", "AccountProblem", *NOT_THE_ADDRESS]
SETTLED = st.builds(
    Settled,
    st.sampled_from(["sent", "deferred", "bounced", "uncertain"]),
    st.sampled_from(EVERY),
    st.sampled_from([0, 421, 450, 550, 552]),
    st.integers(0, 20),
)
FACTS = Outbound(Mode.AUTONOMOUS, ("a@example.com",), (), suppressed=())


@given(ENTRIES, st.sampled_from(CATEGORIES))
def test_only_unsubscribing_lets_what_was_asked_for_through(entry: Suppressed, category: str) -> None:
    """000-10: login links, password resets, codes and verifications pass an unsubscription and nothing stronger."""
    whole = replace(entry, transactional_only=False)
    assert applies(whole, category) is not (whole.reason == Reason.UNSUBSCRIBE and category in EXEMPT)


@given(ENTRIES, st.sampled_from(CATEGORIES))
def test_transactional_only_stops_bulk_alone(entry: Suppressed, category: str) -> None:
    """004-5: a contact for transactional mail only gets no marketing, and all else."""
    assert applies(replace(entry, transactional_only=True), category) is (category in BULK)


@given(ENTRIES, st.sampled_from(CATEGORIES), st.sampled_from(Mode), st.sampled_from([None, "boss@example.org"]))
def test_no_mode_and_no_approver_opens_the_list(
    entry: Suppressed, category: str, mode: Mode, approver: str | None
) -> None:
    facts = replace(FACTS, mode=mode, approver=approver, category=category, suppressed=(entry,))
    finding = suppressed(facts)
    assert (finding is not None) is applies(entry, category)
    if finding is not None:
        assert finding.code == "recipient_suppressed" and entry.address in finding.reason
        assert decide(facts).verdict is Verdict.DENY


def test_a_list_nobody_read_holds_the_mail() -> None:
    finding = suppressed(replace(FACTS, suppressed=None))
    assert finding is not None and finding.verdict is Verdict.HOLD


def test_reasons_have_an_order_and_only_a_bounce_cannot_be_lifted() -> None:
    strengths = [strength(reason, transactional_only=False) for reason in Reason]
    assert strengths == sorted(set(strengths)) and Reason.BOUNCE is list(Reason)[-1]
    assert all(strength(reason, transactional_only=True) < min(strengths) for reason in Reason)
    assert [reason for reason in Reason if not reason.liftable] == [Reason.BOUNCE]


@given(SETTLED)
def test_the_count_moves_by_one_or_to_nothing(settled: Settled) -> None:
    standing = after_outcome(settled)
    assert standing.bounces_in_row in (0, settled.bounces_in_row, settled.bounces_in_row + 1)
    if standing.invalid:
        assert settled.state == "bounced" and standing.bounces_in_row == settled.bounces_in_row + 1


@given(SETTLED, st.integers(0, 1))
def test_004_3_no_mailbox_is_invalid_at_once_and_a_delivery_resets(settled: Settled, bounces: int) -> None:
    once = after_outcome(replace(settled, state="bounced", category="NoMailbox", bounces_in_row=bounces))
    assert once.invalid
    assert after_outcome(replace(settled, state="sent")).bounces_in_row == 0
    assert not after_outcome(replace(settled, state="sent")).invalid


@given(st.lists(st.sampled_from(["sent", *COUNTED, *NOT_THE_ADDRESS]), max_size=30))
def test_004_3_seven_bounces_in_a_row_are_invalid(outcomes: list[str]) -> None:
    bounces, in_row = 0, 0
    for each in outcomes:
        state = "sent" if each == "sent" else "bounced"
        standing = after_outcome(Settled(state, each, 550, bounces))
        bounces = standing.bounces_in_row
        in_row = 0 if each == "sent" else in_row + (each in COUNTED)
        assert standing.invalid is (each in COUNTED and in_row >= BOUNCES_IN_ROW)


@given(st.integers(0, 20), st.sampled_from([500, 550, 552]), st.sampled_from([0, 450, 452]))
def test_004_4_a_full_mailbox_is_listed_on_5xx_and_not_on_4xx(bounces: int, final: int, passing: int) -> None:
    refused = Settled("bounced", "AccountProblem", final, bounces)
    assert after_outcome(refused).invalid
    assert after_outcome(replace(refused, code=passing)).invalid is (bounces + 1 >= BOUNCES_IN_ROW)
    assert not after_outcome(replace(refused, state="deferred", code=passing)).invalid


@given(SETTLED, st.sampled_from(sorted(NOT_THE_ADDRESS)))
def test_what_was_stopped_here_says_nothing_about_the_address(settled: Settled, category: str) -> None:
    standing = after_outcome(replace(settled, state="bounced", category=category))
    assert standing.bounces_in_row == settled.bounces_in_row and not standing.invalid
