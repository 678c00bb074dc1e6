"""Marked lines: each database reads its own, and both take the same parameters."""

import pytest

from storage.dialect import spoken
from storage.queries import _query

TEXT = """\
SELECT a
/* sqlite */ FROM one
    /* postgres */ FROM two -- it
WHERE b = :b
"""


def test_each_database_reads_its_own_lines() -> None:
    assert spoken(TEXT, "sqlite") == "SELECT a\nFROM one\nWHERE b = :b\n"
    assert spoken(TEXT, "postgres") == "SELECT a\n    FROM two -- it\nWHERE b = :b\n"


def test_a_mark_inside_of_a_line_is_a_comment() -> None:
    assert spoken("SELECT 1 /* sqlite */ AS a", "postgres") == "SELECT 1 /* sqlite */ AS a"


def test_a_query_takes_the_same_parameters_on_both() -> None:
    query = _query("q", TEXT + "/* sqlite */ AND c = :c\n/* postgres */ AND :c = c\n")
    assert query.parameters == ("b", "c") and query.full.endswith("b = $1\nAND $2 = c\n")
    with pytest.raises(ValueError, match="q takes other parameters"):
        _query("q", TEXT + "/* sqlite */ AND c = :c\n")
