"""`python -m tests.corpora`: how many cases of each published corpus come out right, as a table for docs/corpora.md.

It runs the tests that read a corpus. One that goes through many cases tells its score itself, with
`record_property("score", (corpus, passed, of, what))`; of the others each is a case.
"""

import sys
from collections import defaultdict
from contextlib import redirect_stdout

import pytest

CASES = {
    "tests/mail/auth/test_spf_vectors.py": "spf-rfc7208",
    "tests/mail/auth/test_arc_suite.py": "arc-suite",
    "tests/mail/auth/test_dkim_vectors.py": "dkim-vectors",
    "tests/server/test_smuggling.py": "smtp-smuggling",
    "tests/server/test_smtp_dialogues.py": "smtp-dialogues",
}
"""Files in which every test is one case, and of which corpus."""
TELLING = (
    "tests/mail/test_mime_corpora.py",
    "tests/mail/test_reply_corpora.py",
    "tests/mail/test_address.py::test_published_addresses",
    "tests/mail/test_signals.py::test_detection_and_false_alarms_on_published_mail",
    "tests/server/test_inspection.py::test_published_bounces_are_told_hard_from_soft",
    "tests/server/test_json_corpus.py",
    "tests/server/test_naughty_corpus.py",
    "tests/server/test_signature.py",
    "tests/server/test_web_xss.py",
)
"""Tests that tell their scores."""


class Scores:
    """A plugin of pytest that counts."""

    def __init__(self) -> None:
        self.scores: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::")[0]
        if report.skipped:
            # where, which line, and why
            self.skipped[name] = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        elif report.when == "call":
            told = [value for key, value in report.user_properties if key == "score" and isinstance(value, tuple)]
            for corpus, passed, of, what in told or self._case(name, report.passed):
                score = self.scores[corpus, what]
                score[0] += passed
                score[1] += of

    def _case(self, name: str, passed: bool) -> list[tuple[str, int, int, str]]:
        return [(CASES[name], int(passed), 1, "")] if name in CASES else []


def main() -> int:
    scores = Scores()
    # only the table goes to standard output
    with redirect_stdout(sys.stderr):
        code = pytest.main(["-q", "-p", "no:cacheprovider", *CASES, *TELLING], plugins=[scores])
    print("| corpus | passed | of | note |\n|---|---|---|---|")
    for (corpus, what), (passed, of) in sorted(scores.scores.items()):
        print(f"| {corpus} | {passed} | {of} | {what} |")
    for name, reason in scores.skipped.items():
        print(f"| {CASES.get(name, name)} | - | - | {reason.removeprefix('Skipped: ')} |")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
