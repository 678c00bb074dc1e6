"""Where links go: the real target, hosts that text misnames, schemes that act, images that are never fetched."""

import pytest

from tools.mail.htmltext import html_page, html_to_text
from tools.mail.parse import parse
from tools.mail.targets import Link, link


@pytest.mark.parametrize(
    ("text", "target", "differs"),
    [
        ("https://bank.example/login", "https://evil.test/x", True),
        ("www.bank.example", "http://evil.test", True),
        ("bank.example", "http://bank.example.evil.test", True),
        ("bank.example/path", "https://evil.test/bank.example", True),
        ("https://bank.example", "https://bank.example@evil.test/", True),
        ("https://bank.example", "https:\\\\evil.test", True),
        ("https://bank.example", "//evil.test", True),
        ("https://bank.example", "/relative", True),
        ("see https://bank.example now", "https://evil.test", True),
        ("ann@bank.example", "mailto:ann@evil.test", True),
        ("https://münchen.example", "https://muenchen.example", True),
        ("https://bank.example", "javascript:alert(1)", True),
        ("ba\u00adnk.example", "https://evil.test", True),
        ("BANK.example", "https://www.bank.example/", False),
        ("https://www.bank.example/a", "https://click.bank.example/t/1", False),
        ("news.bigbank.example", "https://click.bigbank.example/t/1", False),
        ("one.co.uk", "https://two.co.uk", True),
        ("ann@bank.example", "mailto:ann@bank.example?subject=x", False),
        ("https://münchen.example", "https://xn--mnchen-3ya.example", False),
        ("Click here", "https://evil.test", False),
        ("report.pdf", "https://example.com/1", False),
        ("main.py", "https://example.com/1", False),
        ("e.g. this", "https://example.com/1", False),
        ("version 1.2.3", "https://example.com/1", False),
        (
            "https://bank.example",
            "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fbank.example%2F",
            False,
        ),
        ("https://bank.example", "https://urldefense.com/v3/__https://www.bank.example/a__;!!x$", False),
        ("bank.example/a", "https://urldefense.proofpoint.com/v2/url?u=https-3A__bank.example_a&d=x", False),
        ("https://bank.example", "https://a.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.test", True),
        (
            "https://bank.example",
            "https://a.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.test%2F&b=https%3A%2F%2Fbank.example",
            True,
        ),
        ("https://bank.example", "https://safelinks.protection.outlook.com.evil.test/?url=https://bank.example", True),
        ("https://bank.example", "https://evil.test/?url=https%3A%2F%2Fbank.example", True),
    ],
)
def test_text_that_names_another_host_is_told(text: str, target: str, differs: bool) -> None:
    assert link("link", text, target).differs is differs


@pytest.mark.parametrize(
    ("target", "url", "host"),
    [
        ("https://example.com/a?b=c&d#e", "https://example.com/a?b=c&d#e", "example.com"),
        (" \x01java\nscript:alert(1)", "javascript:", ""),
        ("JavaScript:alert(1)", "javascript:", ""),
        ("data:text/html;base64,PHA+", "data:", ""),
        ("vbscript:x", "vbscript:", ""),
        ("ht\ttps://exam\nple.com/", "https://example.com/", "example.com"),
        ("https://example.com/a b(c)[d]<e>", "https://example.com/a%20b%28c%29[d]%3Ce%3E", "example.com"),
        ("https://b\u00fccher.example/x", "https://xn--bcher-kva.example/x", "xn--bcher-kva.example"),
        ("https://user:pw@example.com:8443/", "https://user:pw@example.com:8443/", "example.com"),
        ("https://[::1", "https://[::1", ""),
        ("mailto:Bo@Example.org", "mailto:Bo@Example.org", "example.org"),
        ("tel:+1", "tel:+1", ""),
    ],
)
def test_a_target_is_what_a_browser_makes_of_it(target: str, url: str, host: str) -> None:
    found = link("link", "x", target)
    assert (found.url, found.host) == (url, host)


def test_an_internationalised_host_is_shown_both_ways() -> None:
    found = link("link", "аррӏе.example", "https://xn--80ak6aa92e.example/")
    assert (found.host, found.host_unicode, found.differs) == ("xn--80ak6aa92e.example", "аррӏе.example", False)


def test_links_stand_in_the_text_and_in_the_list() -> None:
    page = html_page('<p>See <a href="https://e.test/a?x=1&amp;y=2">the <b>offer</b></a> or <a href="#top">above</a>.')
    assert page.links == (Link("link", "the offer", "https://e.test/a?x=1&y=2", "e.test", "", False),)
    text, _ = html_to_text('<p>See <a href="https://e.test/a?x=1&amp;y=2">the <b>offer</b></a>.')
    assert text == "See [the **offer**](https://e.test/a?x=1&y=2)."


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "#x", "", "file:///etc/passwd"])
def test_what_is_no_place_to_go_is_no_link_in_the_text(target: str) -> None:
    assert html_to_text(f'<a href="{target}">press</a>')[0] == "press"


def test_images_are_words_and_listed() -> None:
    page = (
        '<a href="https://e.test/1"><img src="https://i.test/a.png" alt="Our [new] office"></a><img src=//t.test/o.gif>'
    )
    assert html_to_text(page)[0] == "[[image: Our (new) office]](https://e.test/1)"
    assert [(found.kind, found.url) for found in html_page(page).links] == [
        ("link", "https://e.test/1"),
        ("image", "https://i.test/a.png"),
        ("image", "//t.test/o.gif"),
    ]


def test_forms_and_maps_are_targets_too() -> None:
    page = '<form action="https://f.test/in"><input></form><map><area href="https://m.test/"></map>'
    assert [(found.kind, found.host) for found in html_page(page).links] == [("form", "f.test"), ("link", "m.test")]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("plain", "Look: ![chart](https://evil.test/?q=secret) and ![x][1]"),
        ("html", "<p>Look: ![chart](https://evil.test/?q=secret) and ![x][1]</p>"),
        ("html", '<p>Look: !<a href="https://evil.test/?q=secret">chart</a> and ![x][1]</p>'),
    ],
)
def test_no_image_of_markdown_reaches_the_agent(kind: str, body: str) -> None:
    text = parse(f"Content-Type: text/{kind}\n\n{body}".encode()).text
    assert "![" not in text and "[image: " in text
