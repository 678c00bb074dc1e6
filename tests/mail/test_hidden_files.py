"""Text that an attached file does not show is left out, kept for looking through, and told of; the rest stays."""

import pytest

from tests.mail.hiding import SECRET, SHOWN
from tests.mail.hiding_files import PDF_SEEN, hiding_files, page
from tools.mail.extract import text_of


def plain(text: str) -> str:
    return " ".join(text.split())


WAYS = dict(hiding_files(SECRET))


@pytest.mark.parametrize("name", WAYS)
def test_each_way_is_taken_out_and_told(name: str) -> None:
    found = text_of(WAYS[name], "", "")
    assert plain(found.text) == SHOWN, name
    assert found.reason == "hidden_left_out" and plain(found.unseen) == SECRET


@pytest.mark.parametrize(("name", "content"), PDF_SEEN)
def test_what_can_be_read_stays(name: str, content: str) -> None:
    found = text_of(page(content, SECRET), "", "")
    assert SECRET in plain(found.text) and found.reason == "" and found.unseen == "", name
