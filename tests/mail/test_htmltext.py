"""HTML as text: what an agent reads of a page, and what a page may cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.htmltext import html_page, html_to_text, markdown_of


def test_a_page_becomes_markdown() -> None:
    page = (
        "<html><head><title>t</title><style>p{}</style></head><body><p>Hi <b>Ann</b>,<br>see "
        '<a href="https://example.com/a">this</a>.</p><ul><li>one</li><li>two</li></ul><blockquote>old</blockquote></body>'
    )
    assert html_to_text(page) == ("Hi **Ann**,\nsee [this](https://example.com/a).\n\n- one\n- two\n\n> old", False)


def test_a_cell_over_several_columns_leaves_the_next_in_its_own() -> None:
    page = (
        "<table><tr><th>Item</th><th>Qty</th><th>Price</th></tr><tr><td>Bolt</td><td>2</td><td>$1.20</td></tr>"
        "<tr><td colspan=2>Total</td><td>$2.40</td></tr><tr><td colspan=100>Thank you</td></tr></table>"
    )
    assert html_to_text(page)[0].split("\n") == [
        "| Item | Qty | Price |",
        "| --- | --- | --- |",
        "| Bolt | 2 | $1.20 |",
        "| Total | | $2.40 |",
        "| Thank you |  |  |",
    ]


def test_a_cell_over_several_rows_leaves_the_next_row_in_its_columns() -> None:
    page = (
        "<table><tr><th>Room</th><th>Time</th></tr><tr><td rowspan=2>Red</td><td>9:00</td></tr>"
        "<tr><td>11:00</td></tr><tr><td>Blue</td><td rowspan=9999>all day</td></tr></table>"
    )
    assert html_to_text(page)[0].split("\n") == [
        "| Room | Time |",
        "| --- | --- |",
        "| Red | 9:00 |",
        "|  | 11:00 |",
        "| Blue | all day |",
    ]


RESPONSIVE = (
    "<style>@media only screen and (max-width:600px){{.d{{display:none!important}}.m{{display:block!important}}}}"
    ".m{{display:none}}</style>{0}"
)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p class=d>Ready. <a href=/a>See</a></p><p class=m>Ready. <a href=/a>See</a></p>", "Ready. [See](/a)"),
        ("<p class=m>Ready.</p><p class=d>Ready.</p>", "Ready."),
        ("<p class=d>Yes</p><p class=d>Yes</p><p class=m>Yes</p>", "Yes\n\nYes"),
        ("<p class=d>Ready.</p><p class=m>Read it.</p>", "Ready.\n\nRead it."),
        ("<p class=d><a href=/a>See</a></p><p class=m><a href=/b>See</a></p>", "[See](/a)\n\n[See](/b)"),
        ("<p>Ready.</p><p class=m>Ready.</p>", "Ready.\n\nReady."),
    ],
)
def test_what_is_there_for_each_screen_is_said_once(page: str, text: str) -> None:
    assert html_to_text(RESPONSIVE.format(page))[0] == text


def test_a_list_keeps_its_numbers() -> None:
    assert html_to_text("<ol start=3><li>three</li><li>four</li></ol>")[0] == "3. three\n4. four"
    assert html_to_text('<ol start="-1"><li>one</li></ol><p>x</p><ol start="1e9"><li>one</li></ol>')[0] == (
        "1. one\n\nx\n\n1. one"
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>Now $19<sup>99</sup></p>", "Now $19^99"),
        ("<p>4.5 %<sup><a href='#n'>1</a></sup> or 10<sup>-3</sup></p>", "4.5 %^1 or 10^-3"),
        ("<p>5<sup></sup>6, m<sup><b>2</b></sup></p>", "56, m**^2**"),
        ("<p>the 13<sup>th</sup>, Acme<sup>TM</sup></p>", "the 13th, AcmeTM"),
    ],
)
def test_raised_digits_make_no_other_number(page: str, text: str) -> None:
    assert html_to_text(page) == (text, False)


def test_what_is_struck_out_is_told_from_what_holds() -> None:
    page = '<p><span style="text-decoration: line-through">$30</span> <span style="text-decoration:none">$20</span></p>'
    assert html_to_text(page) == ("~~$30~~ $20", False)


def test_what_a_simple_style_hides_is_left_out() -> None:
    page = '<p>seen</p><div style="display:none">hidden</div><!-- hidden --><script>hidden</script>'
    assert html_to_text(page) == ("seen", False)


def test_what_lies_too_deep_to_be_judged_is_not_shown() -> None:
    page = html_page("<p>one &amp; two</p>" + "<div>" * 1_000 + "<p hidden>no</p>three")
    assert markdown_of(page) == ("one & two", True)
    assert {piece.kind for piece in page.hidden} == {"too_deep"}
    assert html_to_text("<div>" * 400 + "one") == ("one", False)


def test_embedded_images_do_not_count() -> None:
    text, cut = html_to_text(f'<p>a</p><img alt="logo" src="data:image/png;base64,{"A" * 2_000_000}"><p>b</p>')
    assert text.startswith("a") and text.endswith("b")
    assert len(text) < 100
    assert not cut


def test_a_long_page_is_cut_and_says_so() -> None:
    text, cut = html_to_text("word " * 500_000)
    assert cut
    assert 900_000 < len(text) <= 1024 * 1024


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "x",
        "<blockquote>" * 200 + "x<br>" * 150_000,
        "<ul><li>" * 90 + "<li>x" * 40_000,
        "<blockquote>" * 190 + "x<br>" * 40_000,
        "<dl><dd>" * 95 + "x<br>" * 150_000,
        "<table><tr>" + "<td>x" * 20_000 + "</tr>" + "<tr><td>y" * 14_000,
        "<table><tr>" + "<td><table><tr></tr></table>" * 5_000 + "</tr>" + "<tr><td>y" * 9_000,
        "<table>" + "<tr><td colspan=1000>x" * 20_000,
        "<table>" + "<tr><td colspan=12>x<td colspan=12>y" * 15_000,
        "<" * 1_000_000,
        "<!--" * 250_000,
        "<a" * 500_000,
        "&" * 1_000_000,
        "<div " + "display" * 140_000,
    ],
    ids=[
        "deep",
        "quotes",
        "lists",
        "fewer-quotes",
        "definitions",
        "columns",
        "nested-tables",
        "spans",
        "wide-spans",
        "lt",
        "comments",
        "tags",
        "amp",
        "attribute",
    ],
)
def test_traps_are_cheap_and_stay_small(page: str) -> None:
    text, _ = cheaply(lambda: html_to_text(page), 3)
    assert len(text) <= 1024 * 1024


tags = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<div style='display:none'>",
        "</div>",
        "<table>",
        "<td>",
        "<!--",
        "-->",
        "<",
        ">",
        "&#0;",
        "&#xd800;",
        "a",
    ]
)


@given(st.lists(tags | st.text(max_size=5), max_size=40).map("".join))
def test_any_page_gives_storable_text(page: str) -> None:
    text, _ = html_to_text(page.replace("\0", ""))
    assert "\0" not in text
    text.encode()
    deep, _ = html_to_text("<div>" * 300 + page)
    assert "\0" not in deep
    deep.encode()
