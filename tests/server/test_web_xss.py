"""Published ways to run a script in a page: none is left in what a person's frame gets."""

import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from server.http.web.frame import safe_html
from tests.conftest import missing

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora")) / "html-xss"
ACTING = {"applet", "audio", "base", "button", "embed", "form", "frame", "frameset", "iframe", "input", "link", "math"}
ACTING |= {"meta", "object", "script", "select", "source", "style", "svg", "template", "textarea", "title", "video"}
"""Elements that run, load, ask for something, or change how what follows is read."""
ADDRESSES = frozenset({"action", "background", "cite", "data", "formaction", "href", "poster", "src", "srcset"})


class Acting(HTMLParser):
    """Collects what in a page could act."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTING:
            self.found.append(tag)
        for name, value in attrs:
            scheme = "".join((value or "").split()).lower().partition(":")[0]
            picture = tag == "img" and name == "src" and (value or "").startswith("data:image/")
            safe = name not in ADDRESSES or picture or scheme in ("http", "https", "mailto", "tel")
            if name.startswith("on") or not safe or (name == "style" and "url(" in (value or "")):
                self.found.append(f"{tag} {name}={value}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)


def acting(page: str) -> list[str]:
    reader = Acting()
    reader.feed(page)
    reader.close()
    return reader.found


def test_what_acts_is_known_when_it_is_seen() -> None:
    assert acting("<p onclick=x()>a</p>") == ["p onclick=x()"]
    assert acting("<a href='java\nscript:x()'>a</a>") and acting("<svg/onload=x()>") and acting("<img src=//x.test/>")
    assert acting('<a href="https://example.org">a</a><img src="data:image/png;base64,AA==">') == []


def test_published_scripts_do_not_reach_the_frame(record_property: Callable[[str, object], None]) -> None:
    if not CORPUS.is_dir():
        missing("the published corpora (GATEPOST_CORPORA)")
    cases = json.loads((CORPUS / "expect-even.json").read_text(encoding="utf-8"))
    wrong = {case["payload"]: left for case in cases if (left := acting(safe_html(case["payload"])))}
    # cleaned once, there is nothing that a second reading would change: no page that is another to the next parser
    wrong |= {case["payload"]: ["unstable"] for case in cases if safe_html(once := safe_html(case["payload"])) != once}
    record_property("score", ("html-xss", len(cases) - len(wrong), len(cases), "left without anything that acts"))
    assert wrong == {}
