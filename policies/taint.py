"""Taint: what goes back to a mail that nobody should trust waits for a person, in every mode."""

from policies.decision import Finding, Verdict
from policies.evidence import listed, quoted
from policies.facts import Outbound, Source


def answers_untrusted(facts: Outbound) -> Finding | None:
    """An answer in a thread whose last mails ask for distrust: who reads them may have been told what to write."""
    found = [source for source in _sources(facts) if not source.copied]
    if not found:
        return None
    told = [f"{source.message_id} ({', '.join(source.distrust)})" for source in found]
    return Finding("answers_untrusted", Verdict.HOLD, f"It answers a mail that is not to be trusted: {listed(told)}.")


def copies_untrusted(facts: Outbound) -> Finding | None:
    """Links and files of such a mail must not be passed on without somebody having looked."""
    found = [source for source in _sources(facts) if source.copied]
    if not found:
        return None
    told = [f"{listed([quoted(each) for each in source.copied])} of {source.message_id}" for source in found]
    return Finding("copies_untrusted", Verdict.HOLD, f"It passes on what an untrusted mail carried: {listed(told)}.")


def _sources(facts: Outbound) -> tuple[Source, ...]:
    """Raises LookupError when nobody looked, and then the mail is held."""
    if facts.approver is not None:
        return ()
    if facts.sources is None:
        raise LookupError("nobody looked up what the mail goes back to")
    return facts.sources
