"""The page of scores speaks of each published corpus, and of the tests that `python -m tests.corpora` runs."""

import os
import re
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.corpora import CASES, TELLING, Scores

ROOT = Path(__file__).parents[1]
CORPORA = Path(os.environ.get("GATEPOST_CORPORA", ROOT.parent / "shared" / "corpora"))
PAGE = (ROOT / "docs" / "corpora.md").read_text(encoding="utf-8")


def test_each_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))
    run = {each.partition("::")[0] for each in (*CASES, *TELLING)}
    assert run <= named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_each_corpus_is_named() -> None:
    folders = {path.name for path in CORPORA.glob("*") if path.is_dir()}
    if not folders:
        missing("the published corpora (GATEPOST_CORPORA)")
    kinds = {name.partition("-")[0] for name in re.findall(r"(\w+)-\\\*", PAGE)}
    assert [name for name in folders if name not in PAGE and name.partition("-")[0] not in kinds] == []


@pytest.mark.parametrize(
    ("name", "told", "expected"),
    [
        ("tests/mail/test_mime_corpora.py", [("score", ("mime", 4, 5, "read"))], {("mime", "read"): [4, 5]}),
        ("tests/mail/auth/test_arc_suite.py", [], {("arc-suite", ""): [1, 1]}),
        ("tests/server/test_smtp_dialogues.py", [("score", ("smtp", 0, 1, ""))], {("smtp", ""): [0, 1]}),
        ("tests/mail/test_mime_corpora.py", [("other", "x")], {}),
    ],
)
def test_scores_are_told_or_counted(
    name: str, told: list[tuple[str, object]], expected: dict[tuple[str, str], list[int]]
) -> None:
    scores = Scores()
    report = pytest.TestReport(
        f"{name}::test_it", (name, 1, "test_it"), {}, "passed", None, "call", user_properties=told
    )
    scores.pytest_runtest_logreport(report)
    assert dict(scores.scores) == expected
