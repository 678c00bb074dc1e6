"""What goes back to an untrusted mail waits in every mode, says which mail it was, and a person may let it through."""

from dataclasses import replace

import pytest

from policies.contact import first_contact
from policies.decision import Verdict
from policies.facts import Correspondent, Outbound, Source
from policies.modes import Mode
from policies.outbound import Rule
from policies.quorum import RISKY
from policies.taint import answers_untrusted, copies_untrusted

FACTS = Outbound(Mode.AUTONOMOUS, ("eve@evil.test",), ("eve@evil.test",), sources=())
ANSWERED = Source("msg_1", ("it failed DMARC",))
COPIED = Source("msg_2", ("it was marked as spam",), ("evil.test", "a file"))


@pytest.mark.parametrize("mode", Mode)
def test_an_answer_to_an_untrusted_mail_waits_and_names_it(mode: Mode) -> None:
    finding = answers_untrusted(replace(FACTS, mode=mode, sources=(ANSWERED, COPIED)))
    assert finding is not None and finding.verdict is Verdict.HOLD and finding.rule in RISKY
    assert "msg_1 (it failed DMARC)" in finding.reason and "msg_2" not in finding.reason


def test_what_is_copied_from_one_waits_and_is_named() -> None:
    finding = copies_untrusted(replace(FACTS, sources=(ANSWERED, COPIED)))
    assert finding is not None and finding.verdict is Verdict.HOLD and finding.rule in RISKY
    assert "evil.test, a file of msg_2" in finding.reason and "msg_1" not in finding.reason


@pytest.mark.parametrize("rule", [answers_untrusted, copies_untrusted])
def test_nothing_is_said_where_there_is_nothing_or_a_person_agreed(rule: Rule) -> None:
    assert rule(FACTS) is None
    assert rule(replace(FACTS, sources=(ANSWERED, COPIED), approver="boss@example.org")) is None
    with pytest.raises(LookupError):
        rule(replace(FACTS, sources=None))


def test_first_contact_names_the_mail_that_brought_the_address_up() -> None:
    eve = Correspondent("eve@evil.test", "evil.test", False, False, True, "msg_3")
    finding = first_contact(replace(FACTS, correspondents=(eve,)))
    assert finding is not None and "eve@evil.test (named in msg_3)" in finding.reason
