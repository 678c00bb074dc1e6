"""Published replies: how often the new text is what others take for it. The scores may only rise."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.mail.parse import parse
from tools.mail.quote import split_quotation
from tools.mail.signature import split_signature

CORPORA = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))

NOT_FOUND = {
    "reply-github-zapier": {
        "email_1_1.txt": "-Name below the text: a name, no signature",
        "email_1_3.txt": "-Name below the text",
        "email_long_quote.txt": "-Name below the text",
        "email_1_6.txt": "a line 'Sent from', which the reference leaves in here and reply-multilingual takes out",
        "email_sent_from_my_not_signature.txt": "a sentence that begins 'Sent from my'",
    },
    "reply-multilingual": {
        "email_15.txt": "text below a mailer's line is text",
        "email_german_3.txt": "text below a mailer's line is text",
        "email_with_regards.txt": "a closing with a name is text",
        "email_sent_from_my_not_signature.txt": "a sentence that begins 'Sent from my'",
        "email_2_1.txt": "the reference keeps the whole original",
        "email_thread.txt": "the reference keeps an attribution over three lines",
        "email_custom_quote_header.txt": "the reference keeps an attribution in Hungarian",
    },
}
SIGNATURES_NOT_FOUND = {"jeff": "a name and 'via mobile'", "short_url": "a closing with a name is text"}


def corpus(name: str) -> Path:
    if not (CORPORA / name).is_dir():
        pytest.skip("needs the published corpora (GATEPOST_CORPORA)")
    return CORPORA / name


@pytest.mark.parametrize("name", NOT_FOUND)
def test_the_new_text_is_what_others_take_for_it(name: str, record_property: Callable[[str, object], None]) -> None:
    folder = corpus(name)
    wanted = json.loads((folder / "reference-visible.json").read_text(encoding="utf-8"))
    missed = {each for each, visible in wanted.items() if _new(folder / "emails" / each) != _squeezed(visible)}
    record_property("score", (name, len(wanted) - len(missed), len(wanted), "text without quotation and signature"))
    assert missed <= NOT_FOUND[name].keys()


@pytest.mark.parametrize("kind", ["standard_replies", "html_replies"])
def test_the_reply_is_found_in_mails_of_many_mailers(kind: str, record_property: Callable[[str, object], None]) -> None:
    folder = corpus("reply-talon")
    wanted = json.loads((folder / "expected.json").read_text(encoding="utf-8"))[kind]
    for name, reply in wanted.items():
        head = b"Content-Type: text/html; charset=utf-8\n\n" if name.endswith(".html") else b""
        parsed = parse(head + (folder / kind / name).read_bytes())
        assert _squeezed(parsed.new_text + parsed.signature) == _squeezed(reply), name
    record_property("score", ("reply-talon", len(wanted), len(wanted), kind.replace("_", " ")))


def test_signatures_are_found(record_property: Callable[[str, object], None]) -> None:
    folder = corpus("reply-talon") / "signature" / "emails" / "stripped"
    names = [path.name.removesuffix("_signature") for path in folder.glob("*_signature")]
    missed = set()
    for name in names:
        body, sender, wanted = ((folder / f"{name}_{part}").read_text() for part in ("body", "sender", "signature"))
        if _squeezed(split_signature(split_quotation(body)[0], sender)[1]) != _squeezed(wanted):
            missed.add(name)
    record_property("score", ("reply-talon", len(names) - len(missed), len(names), "signatures"))
    assert missed <= SIGNATURES_NOT_FOUND.keys()


def _new(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    return _squeezed(split_signature(split_quotation(text)[0])[0])


def _squeezed(text: str) -> str:
    return "".join(text.split())
