"""Signatures told from text, in the languages of the usual mailers, and text that only looks like one left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.parse import parse
from tools.mail.signature import split_signature

SENDER = "Bea Lee <bea@example.org>"
MAILER_LINES = [
    "Sent from my iPhone",
    "Sent from my Samsung Galaxy smartphone.",
    "Sent from Outlook for Android<https://aka.ms/AAb9ysg>",
    "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "Sent with Proton Mail secure email.",
    "Von meinem iPhone gesendet",
    "Gesendet von Outlook für Android",
    "Envoyé de mon iPhone",
    "Envoyé à partir de Outlook pour iOS<https://aka.ms/o0ukef>",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Enviado do meu iPhone",
    "Verstuurd vanaf mijn iPad",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Lähetetty iPhonesta",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Отправлено с iPhone",
    "Надіслано з iPhone",
    "iPhone'umdan gönderildi",
    "发自我的iPhone",
    "iPhoneから送信",
    "나의 iPhone에서 보냄",
    "*Sent from my iPhone*",
    "(Sent from my iPhone)",
    "Sent from my cell, please excuse any typos.",
    "Sent from my iPhone. Please excuse brevity.",
    "Get [Outlook for Android](https://aka.ms/ghei36)",
    "Get Outlook for iOShttps://aka.ms/o0ukef",
]
SIGNATURES = [
    "-- \nBea Lee\nHead of Plans",
    "--\nBea",
    "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----",
    "_______________________________________________\nplans mailing list\nplans@example.org\nhttps://example.org/plans",
    "-----------------\n\nBea Lee\n\n+1 555 931 0702\n\nbea@example.org",
    "Bea Lee\nbea@example.org\n(555) 346-9947\nwww.example.org",
    "Bea Lee, Plans\n\nTel. +49 30 1234567\n\nhttps://example.org/",
    "Bea Lee | Example Ltd\nTel. +49 30 1234567 | bea@example.org\nhttps://example.org/",
]
TEXTS = [
    "Yes, let us do that.\n\nBest regards,\nBea",
    "Sent from my desk, please send the excuse.",
    "Sent from my desk, it is much easier.",
    "I have it in two parts:\n\n--- part one ---\n\nThat is all.",
    "Which of these?\n-- the first\n-- the second",
    "See https://example.org/ and write to carl@example.org about it, he knows more than I do.",
    "Agenda\n______\nWelcome\nPlans\nLunch",
    "The number is +1 555 931 0702.",
    "Call me.\n\nSent from the office you will get the keys, and a map.",
    "",
    "The caterer is:\n\nMario Rossi\nmario@example.net\n+39 06 1234567",
    "Two places to look:\n\nhttps://example.org/one\n\nhttps://example.org/two",
    "Yes.\n\n-- \n" + "x" * 4_001,
    "Please put this on the form:\n\nBea Lee\n+1 555 931 0702\nbea@example.org",
]


@pytest.mark.parametrize("signature", [*MAILER_LINES, *SIGNATURES])
def test_a_signature_is_told_from_the_text(signature: str) -> None:
    assert split_signature(f"Yes, let us do that.\n\n{signature}\n", SENDER) == ("Yes, let us do that.", signature)


@pytest.mark.parametrize("text", TEXTS)
def test_what_only_looks_like_one_is_text(text: str) -> None:
    assert split_signature(text, SENDER) == (text, "")


@pytest.mark.parametrize("signature", [MAILER_LINES[0], *SIGNATURES])
def test_a_text_that_would_be_all_signature_has_none(signature: str) -> None:
    assert split_signature(signature, SENDER) == (signature, "")


def test_dashes_that_divide_a_text_begin_no_signature() -> None:
    offer = "The offer:\n\n--\nTwenty a piece, and we ship on Monday."
    assert split_signature(f"{offer}\n\n--\nBea Lee", SENDER) == (offer, "--\nBea Lee")


def test_a_mailers_line_above_a_signature_belongs_to_it() -> None:
    text = "Yes.\n\nSent from my iPhone\n\n-- \nBea"
    assert split_signature(text) == ("Yes.", "Sent from my iPhone\n\n-- \nBea")


def test_a_mail_has_its_text_signature_and_quotation_apart() -> None:
    parsed = parse(b"Subject: Re: x\n\nYes.\n\n-- \nBea\n\nOn 5 May 2026, Ada <a@example.com> wrote:\n> Well?\n")
    assert (parsed.new_text, parsed.signature) == ("Yes.", "-- \nBea")
    assert parsed.quoted.startswith("On 5 May")
    assert parse(b"Subject: Fwd: x\n\nLook.\n\n-- \nBea").new_text == "Look.\n\n-- \nBea"


def test_a_signature_in_a_block_of_its_own_goes_with_its_fences() -> None:
    page = b'<p>Yes.</p><pre class="moz-signature">-- \nBea</pre>'
    parsed = parse(b"Subject: x\nContent-Type: text/html\n\n" + page)
    assert (parsed.new_text, parsed.signature) == ("Yes.", "```\n--\nBea\n```")
    assert split_signature("```\ncode\n```\n-- \nBea") == ("```\ncode\n```", "-- \nBea")


@given(st.text(alphabet="ab -_\n@.:/3?", max_size=400))
def test_nothing_is_lost(text: str) -> None:
    above, signature = split_signature(text)
    assert (above + signature).split() == text.split() or "".join((above + signature).split()) == "".join(text.split())
    assert above.strip() or not signature


@pytest.mark.parametrize("piece", ["-- \n", "Sent from ", "a@", "+1 555 ", "www.", "\n\n", "von meinem ", "< https://"])
def test_the_time_grows_with_the_text(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    cheaply(lambda: split_signature(text), 1)
