"""Files within a text: taken out as they were put in, and nothing taken for a file that is none."""

import binascii
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cost import cheaply
from tests.mail.wrapping import mail, part
from tools.mail import limits
from tools.mail.parse import attachment_bytes, parse
from tools.mail.uuencode import File, split_files

CONTENT = b"a,b\r\n" + bytes(range(256))


def encoded(content: bytes, name: str = "offer.csv", end: bytes = b"`\nend\n", mode: str = "644") -> bytes:
    lines = [binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
    return f"begin {mode} {name}\n".encode() + b"".join(lines) + end


@pytest.mark.parametrize(
    "block",
    [
        encoded(CONTENT),
        encoded(CONTENT).replace(b"\n", b"\r\n"),
        encoded(CONTENT, end=b" \nend\n"),
        encoded(CONTENT, end=b"\nend\n"),
        encoded(CONTENT, end=b"end\n"),
        encoded(CONTENT, mode="0755"),
        encoded(CONTENT).replace(b" ", b"`").replace(b"begin`644`", b"begin 644 "),
        re.sub(rb" +\n", b"\n", encoded(CONTENT)),
        re.sub(rb"^(M.*)$", rb"\1x", encoded(CONTENT), flags=re.MULTILINE),
    ],
    ids=[
        *("as it should be", "CRLF", "blank", "empty line", "no last line", "other mode"),
        *("grave accents", "blanks lost", "checksums"),
    ],
)
def test_a_file_is_taken_out(block: bytes) -> None:
    text, files = split_files(b"Above.\n" + block + b"Below.\n")
    assert (text, files) == (b"Above.\nBelow.\n", [File(b"offer.csv", CONTENT)])


@pytest.mark.parametrize(
    "text",
    [
        b"begin 644 is how it starts, and so\nit\nend\n",
        b"begin the work\n",
        b"> " + encoded(CONTENT).replace(b"\n", b"\n> "),
        encoded(CONTENT, end=b""),
        encoded(CONTENT, end=b"`\n"),
        encoded(CONTENT).replace(b"\nM", b"\nHello Ada\nM", 1),
        b"begin 999 x\n`\nend\n",
        b"begin 644 \n`\nend\n",
        b"x begin 644 x\n`\nend\n",
    ],
    ids=[
        "words",
        "one word",
        "quoted",
        "no end",
        "half an end",
        "a line between",
        "no mode",
        "no name",
        "not in front",
    ],
)
def test_what_is_no_file_is_text(text: bytes) -> None:
    assert split_files(text) == (text, [])


def test_several_files_and_one_without_anything() -> None:
    text, files = split_files(b"1\n" + encoded(b"one", "a") + b"2\n" + encoded(b"", "b") + b"begin 644 c\n")
    assert text == b"1\n2\nbegin 644 c\n" and files == [File(b"a", b"one"), File(b"b", b"")]


@given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n"]))
@example(b" " * 90, b"\n")
def test_any_content_comes_out_again(content: bytes, line_end: bytes) -> None:
    assert split_files(encoded(content).replace(b"\n", line_end)) == (b"", [File(b"offer.csv", content)])


@given(
    st.lists(st.sampled_from([b"begin 644 a\n", b"end\n", b"`\n", b"\n", b"#86)C\n", b"x\n", b"\xff\r\n", b"end"])).map(
        b"".join
    )
)
def test_nothing_is_lost_of_any_text(text: bytes) -> None:
    kept, files = split_files(text)
    assert len(kept) <= len(text) and text.count(b"x\n") == kept.count(b"x\n")
    assert bool(files) == (kept != text)


@pytest.mark.parametrize("unit", [b"begin 644 a\n", b"begin 644 a\n#86)C\n", b"begin 644 a\n\n\n\n\n\n"])
def test_beginnings_without_an_end_cost_little(unit: bytes) -> None:
    text = unit * (4_000_000 // len(unit))
    assert cheaply(lambda: split_files(text), 4.0)[1] == []


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_in_a_mail_it_is_an_attachment_and_no_text(encoding: str) -> None:
    body = b"Above.\n" + encoded(CONTENT, "..\\Ang\u00e9bot.csv") + b"Below.\n"
    if encoding == "7bit":
        raw = mail(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    elif encoding == "base64":
        raw = mail(part("text/plain; charset=utf-8", body))
    else:
        head = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        raw = mail(head + binascii.b2a_qp(body))
    parsed = parse(raw)
    assert (parsed.text, parsed.defects) == ("Above.\nBelow.\n", ())
    (info,) = parsed.attachments
    assert (info.index, info.name, info.size) == (1, "Angébot.csv", len(CONTENT))
    assert attachment_bytes(raw, 1) == CONTENT and attachment_bytes(raw, 0) is None


def test_it_is_looked_for_in_the_text_alone() -> None:
    block = encoded(CONTENT)
    named = b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\n" + block
    page = b"Content-Type: text/html\r\n\r\n<pre>" + block
    parsed = parse(mail(named, page))
    assert [info.name for info in parsed.attachments] == ["a.txt"] and "begin 644" in parsed.text


def test_too_many_files_stay_text() -> None:
    parsed = parse(mail(b"\r\n" + encoded(b"x") * limits.PARTS))
    assert parsed.attachments == () and parsed.defects == ("too_many_parts",) and parsed.text.startswith("begin 644")
