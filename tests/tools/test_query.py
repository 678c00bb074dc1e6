"""Queries: whatever is written becomes words and conditions, or a refusal; never the syntax of a database."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.errors import Refusal
from tools.mail.words import MARK
from tools.query import MOST_TERMS, Term, expression, read_query, unknown_operators

DAY = 86_400_000_000
WORDLESS = ("", " ", "!?", "-", '""', "*", "a " * (MOST_TERMS + 1), "is:x", "in:x", "has:x", "before:x")
NEW_YEAR = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two Words", "s AND two AND words"),
        ('"a phrase" -without', "(s AND a + phrase) NOT (without)"),
        ("-a -b", "(s) NOT (a OR b)"),
        ("begin* a*", "s AND begin* AND a"),
        ('"no prefix*"', "s AND no + prefix"),
        ("from:ann@example.com", f"s AND from{MARK}ann + from{MARK}example + from{MARK}com"),
        ('SUBJECT:"Two words"', f"s AND subject{MARK}two + subject{MARK}words"),
        ("has:attachment", f"s AND has{MARK}attachment"),
        ("http://example.com a:b", "s AND http + example + com AND a + b"),
        ("from: ann", "s AND from AND ann"),
        ("a AND b OR NOT (c)", "s AND a AND and AND b AND or AND not AND c"),
        ("is:unread", "s"),
    ],
)
def test_what_is_written_and_what_is_looked_for(text: str, expected: str) -> None:
    assert expression(read_query(text), "s") == expected


def test_times_are_exact_and_of_any_zone() -> None:
    query = read_query("after:2026-01-01T02:00:00.000007+02:00 before:2025-12-31T19:00:01-05:00")
    assert (query.after, query.before) == (NEW_YEAR + 7, NEW_YEAR + 1_000_000)
    assert read_query("before:1969-12-31T23:59:59.5Z").before == -500_000
    assert read_query('after:"2026-01-01 00:00"').after == read_query("after:20260101").after == NEW_YEAR


def test_a_value_in_quotes_is_one_value() -> None:
    query = read_query('tag:customer="Acme Corp" -Tag:todo="not now" tag:"a=b c" tag:x="y z')
    assert query.tags == ("customer=Acme Corp", "a=b c", 'x="y') and query.without_tags == ("todo=not now",)
    assert query.terms == (Term(("z",)),)


@pytest.mark.parametrize("text", ['from:"" invoice', "subject:!! invoice", '-to:"" invoice', "cc:🎉 invoice"])
def test_a_condition_without_a_word_is_refused_and_not_left_out(text: str) -> None:
    with pytest.raises(Refusal, match="takes a word"):
        read_query(text)


def test_what_looks_like_an_operator_is_told() -> None:
    text = "label:x from:ann -older_than:7d re: http://example.com LABEL:y 12:30 Tag:z has:attachment"
    assert unknown_operators(text) == ["label", "older_than", "LABEL"]


def test_conditions_beside_the_words() -> None:
    query = read_query("after:2026-01-01 before:2026-01-02T00:00:00Z tag:Customer=Acme -tag:done in:inbox -is:read")
    assert (query.after, query.before) == (NEW_YEAR, NEW_YEAR + DAY)
    assert query.tags == ("customer=Acme",) and query.without_tags == ("done",)
    assert query.statuses == {"unread"} and query.terms == ()
    narrowed = read_query("after:2026-01-01 after:2025-01-01 -after:2026-01-02 before:2027-01-01 -before:2024-01-01")
    assert (narrowed.after, narrowed.before) == (NEW_YEAR, NEW_YEAR + DAY)
    assert read_query("is:read is:unread").statuses == frozenset()


@pytest.mark.parametrize(
    "text", ["", " ", "!?", "-", '""', "*", "a " * (MOST_TERMS + 1), "is:x", "in:x", "has:x", "after:x"]
)
def test_what_cannot_be_looked_for_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_query(text)
    assert refused.value.code == "invalid_query"


@pytest.mark.parametrize(
    ("text", "word"), [("is:green", "unread"), ("in:limbo", "inbox"), ("has:x", "attachment"), ("after:soon", "2030")]
)
def test_a_wrong_value_is_told_with_what_there_is(text: str, word: str) -> None:
    with pytest.raises(Refusal, match=word):
        read_query(text)


OPERATORS = st.sampled_from(["from:", "-", '"', "*", "(", "AND", "NEAR(", "has:", "after:", "tag:", "^", "{a}:", "+"])


@given(st.lists(st.one_of(OPERATORS, st.text(max_size=8)), max_size=12).map("".join))
def test_every_query_is_one_that_fts5_takes(text: str) -> None:
    try:
        query = read_query(text)
    except Refusal:
        return
    written = expression(query, f"mailbox{MARK}mbx1")
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (words, tokenize = 'ascii')")
    assert connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (written,)).fetchall() == []
    connection.close()


def test_a_term_says_what_it_is() -> None:
    assert read_query("-inv*").terms == (Term(("inv",), prefix=True, negated=True),)
