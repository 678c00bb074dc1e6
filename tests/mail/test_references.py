"""Threading ids in order, and subjects without their prefixes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.references import base_subject, is_answer, is_forward, reference_ids


def test_ids_keep_their_order_and_the_parent_comes_last() -> None:
    assert reference_ids(["a@x", "b@x"], "c@x") == ("a@x", "b@x", "c@x")


def test_each_id_comes_once() -> None:
    assert reference_ids(["a@x", "b@x", "a@x"], "b@x") == ("a@x", "b@x")


def test_a_mail_that_answers_nothing_has_no_ids() -> None:
    assert reference_ids([], "") == ()


def test_of_many_ids_the_first_and_the_newest_are_kept() -> None:
    ids = reference_ids([f"{number}@x" for number in range(200)], "parent@x")
    assert len(ids) == 50
    assert ids[0] == "0@x"
    assert ids[1] == "152@x"
    assert ids[-2:] == ("199@x", "parent@x")


@pytest.mark.parametrize(
    "subject",
    [
        "Plan for May",
        "Re: Plan for May",
        "RE: re: Fwd: Plan  for\tMay",
        "Re[2]: Plan for May",
        "Re(3): Plan for May",
        "AW: WG: Plan for May",
        "SV: Plan for May",
        "TR : Plan for May",
        "RIF: Plan for May",
        "Odp: Plan for May",
        "回复：Plan for May",
        "答复: Plan for May",
        "Ответ: Plan for May",
        "Відп: Plan for May",
        "השב: Plan for May",
        "رد: Plan for May",
        "ΑΠ: Plan for May",
        "TL: Plan for May",
        "회신: Plan for May",
        "İLT: YNT: Plan for May",
        "[staff] Re: [staff] Plan for May",
        "Plan for May (fwd)",
        "[Fwd: Re: Plan for May]",
    ],
)
def test_prefixes_are_not_part_of_the_base_subject(subject: str) -> None:
    assert base_subject(subject) == "plan for may"


@pytest.mark.parametrize(
    ("subject", "base"),
    [("Re: ", ""), ("[tag]", "[tag]"), ("Regarding: May", "regarding: may"), ("Ref: 12", "ref: 12"), ("", "")],
)
def test_what_is_no_prefix_stays(subject: str, base: str) -> None:
    assert base_subject(subject) == base


@pytest.mark.parametrize(
    ("subject", "forward"),
    [("Fwd: Plan", True), ("WG: Plan", True), (" FW: Plan", True), ("Re: Fwd: Plan", False), ("Plan", False)],
)
def test_the_first_prefix_says_whether_a_mail_is_a_forward(subject: str, forward: bool) -> None:
    assert is_forward(subject) is forward


@given(st.text(max_size=200))
def test_a_base_subject_is_its_own_base_and_fits_an_index(subject: str) -> None:
    base = base_subject(subject)
    assert base_subject(f"Re: {base}") == base_subject(base)
    assert len(base) <= 500


def test_ten_thousand_prefixes_are_cheap() -> None:
    cheaply(lambda: base_subject("Re: [a] " * 10_000), 1)


@pytest.mark.parametrize("subject", ["Re: May", " RE : May", "[staff] Re: May", "AW: May", "Fwd: May", "回复：May"])
def test_a_prefix_makes_an_answer(subject: str) -> None:
    assert is_answer(subject)


@pytest.mark.parametrize("subject", ["", "May", "[staff] May", "Regarding: May", "Redo: the plan", "[tag]"])
def test_a_subject_without_one_is_none(subject: str) -> None:
    assert not is_answer(subject)
