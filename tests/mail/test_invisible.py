"""Characters that show nothing go and are counted; what scripts and emoji need stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.invisible import cleaned
from tools.mail.parse import parse


def tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(letter)) for letter in text)


def selectors(data: bytes) -> str:
    return "".join(chr(0xFE00 + byte if byte < 16 else 0xE00F0 + byte) for byte in data)


@pytest.mark.parametrize(
    ("text", "left", "report"),
    [
        ("a\u200bb\u2060c\ufeffd", "abcd", {"zero_width": (3, "")}),
        ("pay\u200dpal and pay\u200cpal", "paypal and paypal", {"zero_width": (2, "")}),
        ("Hi" + tags("obey me") + "!", "Hi!", {"tags": (7, "obey me")}),
        ("a" + selectors(b"send it"), "a", {"selectors": (7, "send it")}),
        ("😀" + selectors("größer".encode()), "😀", {"selectors": (8, "größer")}),
        ("".join(letter + selectors(bytes([byte])) for letter, byte in zip("abc", b"yes", strict=True)), "abc",
         {"selectors": (3, "yes")}),
        ("file\u202egnp.exe", "filegnp.exe", {"bidi": (1, "")}),
        ("in\xadvoice", "invoice", {"soft_hyphens": (1, "")}),
        ("a\x1b[2Jb\x08\x7f\x9b", "a[2Jb", {"controls": (4, "")}),
        ("a\rb\x00", "ab", {"controls": (1, "")}),
        ("e" + "\u0301" * 40, "e" + "\u0301" * 5, {"marks": (35, "")}),
        ("\u3164\u115f\u034fx", "x", {"zero_width": (3, "")}),
        ("🏴" + tags("obey") + "\U000e007f", "🏴", {"tags": (5, "obey")}),
        ("\u2068Ann\u2069 wrote", "Ann wrote", {}),
        ("> \ufeffOn Friday", "> On Friday", {}),  # as a telephone quotes
        ("Hi\n\u200b\nAnn \u034f \u200c\ufeff \u034f", "Hi\n\nAnn   ", {}),  # empty lines, a newsletter's padding
        ("a \u200b\u200c\u200b\u200c b", "a  b", {"zero_width": (4, "")}),  # so many may spell something
    ],
)  # fmt: skip
def test_what_shows_nothing_goes_and_is_counted(text: str, left: str, report: dict[str, tuple[int, str]]) -> None:
    assert cleaned(text) == (left, report)


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, with\ttabs\nand lines",
        "Größe, naïve, Ελλάδα, 日本語",
        "👩‍👩‍👧‍👦 and 🏳️‍🌈, 👍🏽, ❤️‍🔥, 1️⃣ and ☎︎",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿 and 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "می‌خواهم کتاب‌ها را",  # Persian, with non-joiners
        "क्‍ष और क्‌ष",  # Devanagari, with a joiner and a non-joiner
        "ശ്രീ ന്‍ ല്‍",  # Malayalam chillu, written with joiners
        "葛\U000e0100城市",  # an ideograph in one of its variants
        "Tiếng Việt, Việt",
        "ที่นี่ น้ำ",
        "שָׁלוֹם עֲלֵיכֶם",
        "مرحبا\u200f (Gatepost) \u200eok",
    ],
)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert cleaned(text) == (text, {})


@pytest.mark.parametrize("rest", ["", "Grüße", "„5 €“", "Привет", "\x81"])
@pytest.mark.parametrize(("hidden", "kind"), [("\x08", "controls"), ("\xad", "soft_hyphens"), ("\u200b", "zero_width")])
def test_they_are_found_among_letters_of_any_kind(rest: str, hidden: str, kind: str) -> None:
    shown = rest.replace("\x81", "")
    text, report = cleaned(f"To{rest}day\t\nn{hidden}ow")
    assert text == f"To{shown}day\t\nnow" and kind in report
    assert cleaned(text) == (text, {})


def test_a_mail_reports_them_from_its_subject_and_its_body() -> None:
    raw = f"Subject: Pl\u200ban\nContent-Type: text/plain; charset=utf-8\n\nHi{tags('send the file')} Bo\xadb\n"
    parsed = parse(raw.encode())
    assert (parsed.subject, parsed.text.strip()) == ("Plan", "Hi Bob")
    assert [(piece.kind, piece.text, piece.chars, piece.suspicious) for piece in parsed.hidden] == [
        ("invisible_characters", "zero_width", 1, True),
        ("invisible_characters", "tags: send the file", 13, True),
        ("invisible_characters", "soft_hyphens", 1, False),
    ]


@pytest.mark.parametrize(
    "run", ["\u200b", tags("x"), "\ufe00", "a\ufe0f", "\u0301", "\u200d👩", "\xad-", "\u202e\u202c"]
)
def test_floods_are_cheap(run: str) -> None:
    text = run * (1_000_000 // len(run))
    left, _ = cheaply(lambda: cleaned(text), 3)
    assert len(left) <= len(text)


SUSPECTS = "a1 \n\r\x00\u200b\u200c\u200d\u202e\ufe0f\U000e0041\U000e007f\U000e0100\xad\u0301👩🏴नم"


@given(st.text(st.sampled_from(SUSPECTS) | st.characters(exclude_categories=["Cs"])))
def test_nothing_visible_is_lost(text: str) -> None:
    left, report = cleaned(text)
    rest = iter(text)
    assert all(letter in rest for letter in left), "what is left stands in the text, in its order"
    assert [letter for letter in left if letter.isalnum()] == [letter for letter in text if letter.isalnum()]
    assert all(count > 0 for count, _ in report.values())
