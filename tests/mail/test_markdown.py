"""Markdown bodies: both alternatives say the same, and nothing in them loads, runs or hides."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cpu_seconds
from tools.mail.markdown import LIMIT, NESTING, MarkdownError, render

# What render may write; everything else in its output must be text.
TAGS = {
    *("html", "head", "meta", "body", "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("em", "strong", "code", "pre", "a", "ul", "ol", "li", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"style", "href", "charset", "start"}


class Seen(HTMLParser):
    """Every tag, every attribute and the visible text of a document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def text(markdown: str) -> str:
    return render(markdown).text


def test_paragraphs_keep_the_lines_they_were_written_in() -> None:
    bodies = render("Dear Ana,\nthe *first* **line**.\n\nKind regards\nBob\n")
    assert bodies.text == "Dear Ana,\nthe first line.\n\nKind regards\nBob\n"
    assert "<p>Kind regards<br>\nBob</p>" in bodies.html


def test_dashes_below_a_closing_make_no_heading_of_it() -> None:
    assert text("Best regards\n--\nAda") == "Best regards\n--\nAda\n"
    assert "<h2" not in render("Best regards\n-- \nAda\n\nThe end\n-----\nAda").html


def test_headings_are_underlined() -> None:
    assert text("# Größe 大\n\n## Two\n\n### Three") == "Größe 大\n========\n\nTwo\n---\n\nThree\n"


def test_tables_are_aligned() -> None:
    bodies = render("| Item | Each | Sum |\n|:---|:---:|---:|\n| Äpfel | 3 | 1.20 |\n| 梨 | `12` | 130.00 |\n| x |\n")
    assert bodies.text == (
        "Item   Each     Sum\n"
        "-----  ----  ------\n"
        "Äpfel   3      1.20\n"
        "梨      12   130.00\n"
        "x\n"
    )  # fmt: skip
    assert '<td style="border:1px solid #ccc;padding:4px 8px;text-align:right">1.20</td>' in bodies.html


def test_a_wide_cell_pads_no_other_row() -> None:
    lines = text(f"| a | b |\n|---|---|\n| {'x' * 500} | 1 |\n| y | 2 |\n").splitlines()
    assert lines[2] == "x" * 500 + "  1"
    assert lines[3] == "y" + " " * 41 + "2"


def test_lists_keep_their_numbers_and_levels() -> None:
    assert text("- one\n- two\n  1. a\n  2. b\n\n     more\n- three\n") == (
        "- one\n- two\n  1. a\n\n  2. b\n\n     more\n- three\n"
    )
    assert text("9) nine\n10) ten\n   second line\n") == "9. nine\n10. ten\n    second line\n"
    assert text("0. zero\n1. one") == "0. zero\n1. one\n"
    assert text("- a\n\n- b") == "- a\n\n- b\n"
    assert text("-\n- b") == "- \n- b\n"


def test_quotes_are_marked() -> None:
    assert text("> said\n>\n> > deeper\n\nmine") == "> said\n>\n> > deeper\n\nmine\n"


def test_code_is_indented_and_unchanged() -> None:
    bodies = render("```python\nif x < 1:\n    *y*\n```\n\n    plain  code\n\nand `a <b>`")
    assert bodies.text == "    if x < 1:\n        *y*\n\n    plain  code\n\nand a <b>\n"
    assert "class" not in Seen(bodies.html).attributes
    assert "if x &lt; 1:\n    *y*\n" in bodies.html


def test_rules_are_lines() -> None:
    assert text("a\n\n---\n\nb") == "a\n\n" + "-" * 40 + "\n\nb\n"


def test_links_show_their_target_once() -> None:
    bodies = render(
        "[page](https://example.com/a?b=1&c=2) https://example.org/x_y_z "
        "<https://example.com> ana@example.com [](https://example.com/bare) [call](tel:+15550100)"
    )
    assert bodies.text == (
        "page (https://example.com/a?b=1&c=2) https://example.org/x_y_z https://example.com ana@example.com"
        " https://example.com/bare call (tel:+15550100)\n"
    )
    assert Seen(bodies.html).links == [
        "https://example.com/a?b=1&c=2",
        "https://example.org/x_y_z",
        "https://example.com",
        "mailto:ana@example.com",
        "https://example.com/bare",
        "tel:+15550100",
    ]


def test_a_link_that_lies_is_shown_to_lie() -> None:
    assert text("[https://example.com](https://example.org)") == "https://example.com (https://example.org)\n"
    assert "(http://xn--e1awd7f.example)" in text("http://xn--e1awd7f.example")


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,x",
        "data:image/png;base64,AAAA",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://example.com",
        "//example.com",
        "/relative",
        "#anchor",
        "http:example.com",
    ],
)
def test_other_targets_stay_text(target: str) -> None:
    bodies = render(f"[x]({target}) ![x]({target}) <{target}>\n\n[y]\n\n[y]: {target}")
    assert Seen(bodies.html).links == []
    assert "[x](" in bodies.text


def test_raw_html_is_shown_not_used() -> None:
    source = '<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> a <b style="display:none">b</b> <!-- c -->'
    bodies = render(source)
    assert bodies.text == source + "\n"
    assert not Seen(bodies.html).tags - TAGS
    assert source.replace("\n\n", "\n") in Seen(bodies.html).text


def test_images_become_links() -> None:
    bodies = render(
        '![A *chart*](https://example.com/c.png "t") ![](https://example.com/d.png) '
        "[![Logo](https://example.com/l.png)](https://example.org)"
    )
    assert bodies.text == ("A chart (https://example.com/c.png) https://example.com/d.png Logo (https://example.org)\n")
    seen = Seen(bodies.html)
    assert seen.links == ["https://example.com/c.png", "https://example.com/d.png", "https://example.org"]
    assert "img" not in seen.tags
    assert "title" not in seen.attributes


def test_bare_words_are_no_links() -> None:
    assert Seen(render("see report.pdf, example.com and 1.2.3").html).links == []


def test_what_cannot_be_shown_is_marked() -> None:
    bodies = render("a\0b\x1bc\ud800d\x85e\r\nf\rg&#13;h&#10;> i")
    assert bodies.text == "a\ufffdb\ufffdc\ufffdd\ufffde\nf\ng h > i\n"
    assert bodies.html.encode()


def test_empty_is_empty() -> None:
    assert text("") == "\n"


def test_limits() -> None:
    assert text("a" * LIMIT) == "a" * LIMIT + "\n"
    with pytest.raises(MarkdownError):
        render("a" * (LIMIT + 1))


@pytest.mark.parametrize("marker", ["> ", "- ", "1. "])
def test_nesting_is_refused_before_text_is_lost(marker: str) -> None:
    refused = 0
    for depth in range(1, NESTING + 5):
        try:
            assert "treasure" in text(marker * depth + "treasure")
        except MarkdownError:
            refused += 1
    assert 0 < refused < NESTING + 4


@given(st.text())
def test_any_text_renders_to_known_tags(markdown: str) -> None:
    bodies = render(markdown)
    seen = Seen(bodies.html)
    assert seen.tags <= TAGS
    assert seen.attributes <= ATTRIBUTES
    assert "\r" not in bodies.text + bodies.html


@given(st.text(st.sampled_from("*_[]()!<>`|-#=:.\\&;/ \n\tab1é梨@"), max_size=200))
def test_any_markup_renders_to_known_tags(markdown: str) -> None:
    seen = Seen(render(markdown).html)
    assert seen.tags <= TAGS
    assert seen.attributes <= ATTRIBUTES


@given(st.lists(st.sampled_from(["word", "**bold**", "`code`", "\n\n", "\n- ", "\n> ", "\n1. ", " ", "|", "\n|-|\n"])))
def test_both_bodies_hold_the_same_words(pieces: list[str]) -> None:
    bodies = render(" ".join(pieces))
    for word in ("word", "bold", "code"):
        assert bodies.text.count(word) == Seen(bodies.html).text.count(word)


HOSTILE = [
    *("[", "![", "[a](", "[a]: b\n", "*a ", "**a *b ", "_a __b ", "`", "```\n", "<", "<!--", "&", "\\", ":"),
    *("|a", "|a|b|\n", "- a\n", "> a\n", "a\n===\n"),
    *("a@", "//a.b/(", "http://a.b.", "http://a-", "http://a/(", "http://a/!"),
]


@pytest.mark.parametrize("shape", HOSTILE)
def test_time_is_linear(shape: str) -> None:
    def cost(length: int) -> float:
        source = (shape * (length // len(shape) + 1))[:length]
        return cpu_seconds(lambda: render(source))

    cost(1000)
    # Eight times the text may take sixteen times as long, a quadratic parser takes sixty-four; 20 ms are noise.
    assert cost(32_000) <= 16 * max(cost(4_000), 0.02)
