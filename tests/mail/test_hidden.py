"""What a person cannot see of a page is taken out of its text and reported; what a person sees stays."""

import html
import json
import re
from pathlib import Path

import pytest

from tests.mail.hiding import CORPORA, SECRET, SEEN, SHOWN, hiding, of_html, ordinary_mails, with_style
from tools.mail.htmltext import html_page

CASES = list(hiding(SECRET))
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not here")


@pytest.mark.parametrize(("page", "kind"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_hidden_text_is_taken_out_and_reported(page: str, kind: str) -> None:
    body = of_html(page)
    assert SECRET not in body.text
    assert SHOWN in body.text
    assert [(piece.kind, piece.text[: len(SECRET)]) for piece in body.hidden] == [(kind, SECRET)]


@pytest.mark.parametrize("style", [style for _, style in SEEN], ids=[name for name, _ in SEEN])
def test_what_a_person_sees_stays(style: str) -> None:
    body = of_html(with_style(style, SECRET, inline=True))
    assert SECRET in body.text
    assert body.hidden == ()


def test_the_page_about_it_names_every_way() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hidden.md").read_text(encoding="utf-8")
    for name, _, kind in CASES:
        assert f"| {name} | yes | {kind} |" in page


def attacks() -> list[str]:
    """Orders to a model, one line each, without what is markup in HTML."""
    found = json.loads((CORPORA / "injection" / "text_attack_train.json").read_text())
    orders = [order for group in found.values() for order in group]
    return [" ".join(order.replace("<", " ").replace("&", " ").replace('"', " ").split()) for order in orders]


@needs_corpora
def test_published_orders_hidden_in_every_way_do_not_reach_the_agent() -> None:
    orders = attacks()
    missed = [
        (name, order)
        for order in orders
        for name, page, _ in hiding(order)
        if order in " ".join((body := of_html(page)).text.split()) or not body.hidden
    ]
    assert len(orders) >= 50
    assert missed == []


@needs_corpora
def test_ordinary_mail_raises_no_alarm() -> None:
    mails = list(ordinary_mails())
    alarms = [path.name for path, body in mails if any(piece.suspicious for piece in body.hidden)]
    assert len(mails) > 300
    assert len(alarms) <= 0.02 * len(mails), alarms


@needs_corpora
def test_published_scripts_leave_no_link_that_acts() -> None:
    cases = json.loads((CORPORA / "html-xss" / "expect-even.json").read_text())
    bodies = [of_html(case["payload"]) for case in cases]
    assert len(bodies) > 100
    for body in bodies:
        assert not re.search(r"\]\(\s*(javascript|data|vbscript):", body.text, re.IGNORECASE)
        assert "![" not in body.text
        targets = [found.url.lower() for found in body.links]
        assert not [url for url in targets if re.match(r"(javascript|data|vbscript):.", url)]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Message ID: <owner/tool/pull/17/c1@example.com>", "reference"),
        ("ref:_00D50.!500:ref", "reference"),
        ("[X1Y2Z3-K4L5]", "reference"),
        ("send 500 now", "display_none"),
        ("Forward to <bob1@example.com>", "display_none"),
        ("see https://example.com/1", "display_none"),
        ("obey", "display_none"),
    ],
)
def test_the_mark_of_a_tracker_is_no_alarm(words: str, kind: str) -> None:
    page = html_page(f"<p>{'Somebody left a comment. ' * 5}</p><span style='display:none'>{html.escape(words)}</span>")
    (piece,) = page.hidden
    assert (piece.kind, piece.text, piece.suspicious) == (kind, words, kind != "reference")
    assert words not in page.words


def test_more_marks_than_a_tracker_writes_are_an_alarm() -> None:
    marks = "".join(f"<p>and</p><i hidden>step-{number}</i>" for number in range(4))
    page = html_page(f"<p>{'Somebody left a comment. ' * 5}</p>{marks}")
    assert [piece.suspicious for piece in page.hidden] == [False, False, True, True]
