"""Pages as people see them: tables, screens, preheaders, and what a hostile page may cost."""

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply, cpu_seconds
from tools.mail import limits
from tools.mail.hidden import Hidden
from tools.mail.htmltext import html_page, html_to_text

LONG = "The meeting is on Monday and Ann brings the figures for the second quarter, as agreed with the whole team. "


def kinds(page: str) -> list[str]:
    return [piece.kind for piece in html_page(page).hidden]


def test_a_table_of_data_stays_a_table() -> None:
    page = "<table><tr><th>Item<th>Price<tr><td>Pen<td>1.20<tr><td>Ink<td>3 | 4</table>"
    assert html_to_text(page)[0] == "| Item | Price |\n| --- | --- |\n| Pen | 1.20 |\n| Ink | 3 \\| 4 |"


def test_a_table_that_lays_out_a_page_is_its_text() -> None:
    page = (
        "<table><tr><td><table><tr><td><img src=x alt=Logo></td><td><h1>News</h1><p>One</p></td></tr></table></td></tr>"
        "<tr><td>Foot</td></tr></table>"
    )
    assert html_to_text(page)[0] == "[image: Logo]\n\n# News\n\nOne\n\nFoot"


def test_data_inside_a_layout_stays_a_table() -> None:
    page = "<table><tr><td><p>Bill</p><table><tr><td>Pen<td>1<tr><td>Ink<td>2</table></td></tr></table>"
    assert html_to_text(page)[0] == "Bill\n\n| Pen | 1 |\n| --- | --- |\n| Ink | 2 |"


def test_lists_and_emphasis_stay() -> None:
    page = "<ul><li>a <b>b</b><ul><li>c</ul><li>d</ul><ol><li>one<li>two</ol><pre>x\n y</pre>"
    assert html_to_text(page)[0] == "- a **b**\n  * c\n- d\n\n1. one\n2. two\n\n```\nx\n y\n```"


PREHEADER = '<div style="display:none;max-height:0;overflow:hidden">Our news &zwnj;&nbsp;&zwnj;&nbsp;&#847;</div>'


def test_a_preheader_is_no_alarm() -> None:
    assert html_page(f"<body>{PREHEADER}<p>{LONG}").hidden == (Hidden("preheader", "Our news", 8, False),)


def test_a_preheader_below_the_text_or_too_long_is_one() -> None:
    assert kinds(f"<p>{LONG}{PREHEADER}") == ["display_none"]
    assert kinds(f'<span style="font-size:0">{LONG * 8}</span><p>{LONG}') == ["tiny_font"]
    assert kinds("".join(f'<p style="color:#fff">{n}</p><b>x</b>' for n in range(4))).count("preheader") == 2


def test_no_heap_of_ordinary_things_crowds_an_alarm_out() -> None:
    comments = "<!-- this comment has the twelve words that it takes to be told -->" * 200
    found = kinds(f"{comments}<p>{LONG}<p style='opacity:0'>obey</p>" + "<b>x</b><i hidden>y</i>" * 200)
    assert "opacity" in found and "comment" in found
    assert len(found) == limits.HIDDEN_PIECES


def test_a_quoted_newsletter_has_its_own_top() -> None:
    assert kinds(f"<p>{LONG}<blockquote>{PREHEADER}<p>{LONG}</blockquote>") == ["preheader"]


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        (".x{display:none} @media (max-width:600px){.x{display:block}}", True),  # for telephones
        ("@media only screen and (max-width:600px){.x{display:none!important}}", True),  # for desktops
        (".x{display:none} @media print{.x{display:block}}", False),
        (".x{display:none} @media (max-width:100px){.x{display:block}}", False),
        ("@media (min-width:800px){.x{display:none}} @media (max-width:799px){.x{visibility:hidden}}", False),
        (".x{display:none} @media (prefers-color-scheme:dark){.x{display:block}}", False),
        ("@supports (display:grid){.x{display:none}}", False),
        ("@font-face{font-family:x} @import url(y.css); @keyframes z{from{opacity:0}} p{color:red}", True),
        (".x:hover{display:none} .x::before{content:'}'}", True),
        (".x{display:none} p.x{display:block}", True),
        ("p.x{display:block} .x{display:none}", True),
        ("#i{display:block} p.x{display:none}", True),
        (".x{display:none}}}} ", False),
        ("<!-- .x{display:none} -->", False),
        ("</style><style media=print>.x{display:none}", True),
        ("</style><style media=screen>.x{display:none}", False),
        ("</style><template><style>.x{display:none}</style></template><style>", True),
    ],
)
def test_text_is_hidden_when_no_screen_shows_it(style: str, shown: bool) -> None:
    text, _ = html_to_text(f"<style>{style}</style><p>{LONG}<p class=x id=i>SECRET")
    assert ("SECRET" in text) is shown


def test_a_rule_beyond_the_reader_is_named() -> None:
    page = html_page(f"<style>p:nth-child(2){{display:none}}</style><p>{LONG}<p>two")
    assert page.hidden == (Hidden("unread_style", "p:nth-child(2)", 14, False),)
    assert kinds(f"<style>p + p{{display:none}}</style><p>{LONG}<p>two") == ["unread_style"]
    assert kinds(f"<p>{LONG}<p style='font-size:calc(1px*0)'>two<p style='font-size:calc(1px*0)'>") == ["unread_style"]


@pytest.mark.parametrize("colour", ["oklch(0.3 0.1 200)", "var(--dark, #123)", "color-mix(in srgb, red, blue)"])
@pytest.mark.parametrize("name", ["background", "background-color"])
def test_letters_on_a_colour_beyond_the_reader_are_shown_and_it_is_named(name: str, colour: str) -> None:
    page = html_page(f'<p>{LONG}</p><p style="{name}:{colour};color:#fff">{LONG} as well</p>')
    assert page.words.count(LONG) == 2
    assert page.hidden == (Hidden("unread_style", f"{name}:{colour}", len(name) + 1 + len(colour), False),)


def test_rules_too_many_to_be_followed_are_told() -> None:
    rules = "".join(f".a{n}{{display:none}}" for n in range(limits.STYLE_RULES))
    assert kinds(f"<style>{rules}.x{{display:none}}</style><p>{LONG}<p class=x>two") == ["too_many_rules"]
    assert kinds(styled(2_000)) == ["too_many_rules"]
    assert kinds(f"<p>{LONG}" + "".join(f"<p style='color:#{n:04x}ff'>x" for n in range(limits.LOOKS + 1))) == [
        "too_many_rules"
    ]


def test_visible_inside_invisible() -> None:
    page = '<div style="visibility:hidden">one <b style="visibility:visible">two</b></div>'
    assert html_to_text(page)[0] == "**two**"
    assert html_to_text('<td><div style="font-size:0"><p style="font-size:14px">two')[0] == "two"
    assert html_to_text('<div style="color:#fff"><a href="https://e.test">two</a></div>')[0] == "[two](https://e.test)"


def styled(count: int) -> str:
    rules = "".join(f".c{n} .d{n} p{{display:none}}" for n in range(500))
    return f"<style>{rules}</style>" + "".join(f'<div class="c{n} d{n}" id=i{n}><p>x</p></div>' for n in range(count))


SHAPES: dict[str, Callable[[int], str]] = {
    "elements": lambda n: "<p style='color:#123'>word <b>b</b>" * n,
    "different-styles": lambda n: "".join(f"<p style='color:#{k:06x}'>x" for k in range(n)),
    "rules": styled,
    "declarations": lambda n: f'<p style="{"color:red;" * n}">x',
    "attributes": lambda n: f"<p {' '.join(f'a{k}=1' for k in range(n))}>x",
    "comments": lambda n: "<!-- this comment has the twelve words that it takes to be told -->" * n,
    "links": lambda n: '<a href="https://e.test/x">https://f.test</a>' * n,
    "selectors": lambda n: "<style>" + "a," * n + "p{display:none}</style><p>x",
    "braces": lambda n: "<style>" + "@media{" * n + "</style><p>x",
    "strings": lambda n: '<style>p{content:"' * n,
    "roots": lambda n: "".join(f"<body a{k}=1>" for k in range(n)),
    "reopened": lambda n: "<p>" + "".join(f"<b id={k}>" for k in range(n)) + "<p>x" * n,
    "hidden": lambda n: '<p>a<i style="display:none">b c</i>' * n,
    "tables": lambda n: "<table><tr><td>" * n,
    "cells": lambda n: "<table><tr>" + "<td>x" * n + "</tr>" + "<tr><td>y<td>z" * n,
    "options": lambda n: "<select>" + "<option>x" * n,
}


def seconds(shape: Callable[[int], str], count: int) -> float:
    page = shape(count)[: limits.BODY_CHARS]
    return cpu_seconds(lambda: html_to_text(page))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_time_grows_with_the_page(shape: Callable[[int], str]) -> None:
    base = seconds(shape, 500)
    assert seconds(shape, 1_000) < 2.6 * base + 0.02
    assert seconds(shape, 2_000) < 5.2 * base + 0.04


@pytest.mark.parametrize("name", ["different-styles", "rules", "links", "cells"])
def test_a_large_page_takes_little_time(name: str) -> None:
    page = SHAPES[name](20_000)[: limits.BODY_CHARS]
    cheaply(lambda: html_to_text(page), 2)


@pytest.mark.parametrize("name", ["roots", "reopened", "tables"])
def test_a_page_of_a_megabyte_takes_little_memory(name: str) -> None:
    page = SHAPES[name](20_000)[: limits.BODY_CHARS]
    tracemalloc.start()
    try:
        text, _ = html_to_text(page)
        assert tracemalloc.get_traced_memory()[1] < 128 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert len(text) <= limits.BODY_CHARS


FRAGMENTS = """
<p> </p> <b> </b> <a~href='https://e.test'> </a> <table> <tr> <td> </table> <div~style='display:none'> </div> <style>
</style> p{display:none} .x{color:#fff} @media~(max-width:9px){ } <p~class=x> <img~alt=q> <select> <option> <template>
</template> <svg> <math> <title> </title> <!-- --> <![CDATA[ &lt; &#0; <ul> <li> <br>
"""
tags = st.sampled_from([fragment.replace("~", " ") for fragment in FRAGMENTS.split()])


@given(st.lists(tags | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=60))
def test_any_page_is_read(pieces: list[str]) -> None:
    source = "".join(pieces)
    text, _ = html_to_text(source)
    assert "\0" not in text
    text.encode()
    assert len(html_page(source).hidden) <= limits.HIDDEN_PIECES
