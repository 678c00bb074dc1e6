"""What a file is, against what is said of it; and names that are safe everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.filename import safe_name
from tools.mail.parse import parse
from tools.mail.sniff import differs, seen_type

PDF, PNG, ZIP, EXE = b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"MZ\x90\x00"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        (PDF, "application/pdf"),
        (EXE, "application/vnd.microsoft.portable-executable"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html><p>", "text/html"),
        ("<script>".encode("utf-16"), "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()">', "image/svg+xml"),
        (b"#!/bin/sh\n", "text/x-script"),
        (b"Dear all,", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_tell_what_a_file_is(head: bytes, seen: str) -> None:
    assert seen_type(head) == seen


@pytest.mark.parametrize(
    ("declared", "name", "head"),
    [
        ("application/pdf", "invoice.pdf", EXE),
        ("application/octet-stream", "invoice.pdf", EXE),
        ("image/png", "photo.png", PDF),
        ("text/plain", "notes.txt", b"<html><script>"),
        ("image/png", "photo.png", b"<svg onload='x()'>"),
        (DOCX, "letter.docx", b"{\\rtf1"),
        ("text/csv", "a.csv", ZIP),
        ("application/pdf", "a.exe", EXE),
    ],
)
def test_a_file_that_is_another_thing_than_it_says_is_noticed(declared: str, name: str, head: bytes) -> None:
    assert differs(declared, name, seen_type(head))


@pytest.mark.parametrize(
    ("declared", "name", "head"),
    [
        ("application/pdf", "invoice.pdf", PDF),
        ("application/octet-stream", "invoice.pdf", PDF),
        ("application/octet-stream", "data", ZIP),
        (DOCX, "letter.docx", ZIP),
        (DOCX, "locked.docx", OLE),
        ("application/msword", "letter.doc", OLE),
        ("application/vnd.ms-excel", "old.xls", OLE),
        ("image/jpg", "photo.jpg", b"\xff\xd8\xff\xe0"),
        ("image/svg+xml", "logo.svg", b"<?xml version='1.0'?><svg>"),
        ("text/html", "page.html", b"<html>"),
        ("application/xhtml+xml", "page.html", b"<?xml version='1.0'?>"),
        ("text/plain", "notes.txt", b"Dear all,"),
        ("text/plain", "install.txt", b"#!/bin/sh"),
        ("audio/mp4", "song.m4a", b"\0\0\0\x18ftypM4A "),
        ("application/x-msdownload", "setup.exe", EXE),
        ("", "", PNG),
    ],
)
def test_a_file_that_is_what_it_says_is_not(declared: str, name: str, head: bytes) -> None:
    assert not differs(declared, name, seen_type(head))


def test_a_mail_says_which_of_its_files_differ() -> None:
    raw = b"Content-Type: application/pdf; name=invoice.pdf\nContent-Transfer-Encoding: base64\n\nTVqQAAMAAAAEAAAA\n"
    parsed = parse(raw)
    assert parsed.attachments[0].seen_type == "application/vnd.microsoft.portable-executable"
    assert "type_differs" in parsed.defects


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:evil.txt", "C_evil.txt"),
        ("/", ""),
        ("..", ""),
        (".htaccess", "htaccess"),
        ("NUL", "_NUL"),
        ("con.txt", "_con.txt"),
        ("COM1.pdf", "_COM1.pdf"),
        ("console.txt", "console.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u200bb\U000e0041.pdf", "ab.pdf"),
        ("a\x00b.txt", "a_b.txt"),
        ('a"b<c>|d?*.txt', "a_b_c__d__.txt"),
        ("report.pdf. . ", "report.pdf"),
        ("file.txt:stream", "file.txt_stream"),
        ("Größe 報告.pdf", "Größe 報告.pdf"),
        ("x" * 4_096 + ".pdf", "x" * 250 + ".pdf"),
        ("報" * 300 + ".pdf", "報" * 83 + ".pdf"),
        ("con." + "x" * 250, "_con." + "x" * 250),
    ],
)
def test_a_name_is_safe_on_every_system(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert not set(safe) & set('/\\:\0\n\r"') and safe not in (".", "..") and len(safe) <= 256
    assert safe_name(safe) in (safe, safe.lstrip("_"))
