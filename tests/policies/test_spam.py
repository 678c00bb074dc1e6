"""The spam score: each reason counts, what is known of the sender gives credit, and a name alone does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts import Inbound
from policies.inbound import Fate, accept, fate_of
from policies.modes import Mode
from policies.spam import Standing, Thresholds, Traits, judge, judge_scanned

LETTER = Traits(subject="The contract")
JUNK = Traits(subject="YOU HAVE WON", dated=False, identified=False, bare_ip_links=True, hidden_text=True, bulk=True)


@pytest.mark.parametrize(
    ("traits", "code"),
    [
        (Traits(dated=False), "no_date"),
        (Traits(identified=False), "no_message_id"),
        (Traits(anonymous=True), "no_sender"),
        (Traits(ambiguous_sender=True), "ambiguous_sender"),
        (Traits(dmarc_failed=True), "dmarc_failed"),
        (Traits(spf_failed=True), "spf_failed"),
        (Traits(subject="URGENT: ACT NOW"), "shouting_subject"),
        (Traits(disguised_links=True), "disguised_link"),
        (Traits(shortened_links=True), "shortened_link"),
        (Traits(bare_ip_links=True), "bare_ip_link"),
        (Traits(links=100), "many_links"),
        (Traits(hidden_text=True), "hidden_text"),
        (Traits(steering=True), "steering"),
        (Traits(bulk=True), "bulk_without_unsubscribe"),
        (Traits(programs=True), "program_attached"),
    ],
)
def test_each_reason_has_its_points(traits: Traits, code: str) -> None:
    judgement = judge(traits, Standing())
    assert [point.code for point in judgement.points] == [code]
    assert judgement.score is not None and 0 < judgement.score <= Thresholds().flag


def test_an_ordinary_letter_has_no_points() -> None:
    assert judge(LETTER, Standing()).score == 0
    assert judge(Traits(subject="FYI", bulk=True, unsubscribable=True, links=20), Standing()).score == 0


def test_much_that_is_odd_is_spam() -> None:
    score = judge(JUNK, Standing()).score
    assert score is not None and Thresholds().flag <= score < Thresholds().quarantine


def test_credit_is_for_who_is_believed() -> None:
    known = Standing(known=True, domain_known=True)
    assert judge(Traits(), known).score == 0
    assert judge(Traits(verified=True), known).score == -3
    assert judge(Traits(verified=True), Standing(domain_known=True)).score == -1.5
    assert judge(Traits(dmarc_failed=True), Standing(answers_us=True)).score == 4
    assert judge(Traits(dated=False), Standing(answers_us=True)).score == -2


def test_what_was_said_about_a_sender_decides() -> None:
    limits = Thresholds()
    reported = judge(LETTER, Standing(reported=1)).score
    assert reported is not None and reported >= limits.quarantine
    wanted = judge(JUNK, Standing(reported=-1)).score
    assert wanted is not None and wanted < limits.flag
    assert judge(LETTER, Standing(domain_reported=1)).score == 0
    assert judge(LETTER, Standing(domain_reported=2)).score == 3


def test_a_scanner_takes_the_place_of_our_points_and_may_be_silent() -> None:
    assert judge_scanned(7.25, "rspamd", Standing()).score == 7.2
    assert judge_scanned(7.2, "rspamd", Standing(reported=-1)).score == -2.8
    silent = judge_scanned(None, "rspamd", Standing(reported=1))
    assert silent.score is None and [point.code for point in silent.points] == ["rspamd_unavailable"]


@pytest.mark.parametrize(
    ("score", "fate"),
    [(None, Fate.DELIVER), (4.9, Fate.DELIVER), (5.0, Fate.FLAG), (9.9, Fate.FLAG), (10.0, Fate.QUARANTINE)],
)
def test_the_score_decides_what_becomes_of_it(score: float | None, fate: Fate) -> None:
    assert fate_of(accept(Inbound(Mode.GATED_SEND, spam_score=score))) is fate


def test_a_person_is_asked_about_marked_mail_and_not_about_what_is_kept_apart() -> None:
    assert fate_of(accept(Inbound(Mode.GATED_ALL, spam_score=6.0))) is Fate.HOLD
    assert fate_of(accept(Inbound(Mode.GATED_ALL, spam_score=60.0))) is Fate.QUARANTINE
    assert fate_of(accept(Inbound(Mode.GATED_ALL, spam_score=60.0, approver="boss@example.org"))) is Fate.DELIVER
    failed = Inbound(Mode.MONITORED, dmarc_disposition="reject", dmarc_policy="quarantine")
    assert fate_of(accept(failed)) is Fate.QUARANTINE


@given(st.builds(Traits), st.builds(Standing))
def test_the_score_is_the_sum_of_its_points(traits: Traits, standing: Standing) -> None:
    judgement = judge(traits, standing)
    assert judgement.score == pytest.approx(sum(point.points for point in judgement.points), abs=0.06)
