"""The generated pages are those of the code, and the code says enough to generate them."""

import pytest

from server.docs import FOLDER, pages
from server.settings import Settings
from tools.errors import CATALOGUE
from tools.operation import AnyOperation
from tools.registry import OPERATIONS


@pytest.mark.parametrize("name", pages())
def test_a_page_is_as_fresh_as_the_code(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run 'make docs' and commit what it writes"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    assert Settings.model_fields[name].description
    assert f"`GATEPOST_{name.upper()}`" in pages()["settings.md"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_and_field_says_what_it_is(operation: AnyOperation) -> None:
    page = pages()["tools.md"]
    assert f"\n## {operation.name}\n" in page
    assert f"`{operation.method} {operation.path}`" in page
    silent = [name for name, field in operation.request.model_fields.items() if not field.description]
    assert not silent


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_refusal_has_the_anchor_that_its_answer_names(code: str) -> None:
    assert f"\n## {code}\n" in pages()["errors.md"]
