"""docs/conformance.md is true: every test it names exists and carries its number."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "conformance.md"
NODE = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
NUMBER = re.compile(r"\d{3}-\d+")


def rows() -> list[tuple[str, str]]:
    """The first and the last cell of every row below a table's head."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    table = [line.strip().strip("|").split("|") for line in lines if line.startswith("|")]
    found = [(cells[0].strip(), cells[-1].strip()) for cells in table if len(cells) >= 3]
    return [(number, nodes) for number, nodes in found if number != "number" and set(number) - set("-: ")]


@cache
def defined(path: str) -> dict[str, str]:
    """The tests of a file, each with its docstring."""
    file = ROOT / path
    if not file.is_file():
        return {}
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def missing(number: str, nodes: str) -> list[str]:
    """What is wrong with a row, in words; empty when it is true."""
    named = NODE.findall(nodes)
    if not named:
        return [f"{number} names no test"]
    wrong = [f"{path}::{name} does not exist" for path, name in named if name not in defined(path)]
    if NUMBER.fullmatch(number):
        number_in_name = re.compile(rf"(?<!\d){number.replace('-', '[-_]')}(?!\d)")
        for path, name in named:
            if name in defined(path) and not number_in_name.search(f"{name} {defined(path)[name]}"):
                wrong.append(f"{path}::{name} does not carry {number}")
    return wrong


@pytest.mark.parametrize(("number", "nodes"), rows())
def test_a_row_names_tests_that_exist_and_carry_its_number(number: str, nodes: str) -> None:
    assert not missing(number, nodes)


def test_the_page_has_rows_and_a_wrong_row_is_found() -> None:
    assert rows()
    here = "tests/test_conformance.py::test_the_page_has_rows_and_a_wrong_row_is_found"
    assert missing("a word", here) == []
    assert missing("000-9", here) == [f"{here} does not carry 000-9"]
    assert (
        missing("000-9", here.replace("wrong", "other")) and missing("000-9", "none") and missing("1", "tests/x.py::y")
    )
