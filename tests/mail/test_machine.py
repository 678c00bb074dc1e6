"""Mail that no person wrote, told by its signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.machine import Machine, without_sender
from tools.mail.parse import parse

REPORT = "Content-Type: multipart/report; boundary=b; report-type="


def machine(*fields: str, subject: str = "Hello", sender: str = "ann@example.com", text: str = "Hi") -> Machine:
    head = "\r\n".join([f"From: {sender}", f"Subject: {subject}", *fields])
    return parse(f"{head}\r\n\r\n{text}\r\n".encode()).machine


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Auto-Submitted: auto-replied", "auto_reply"),
        ("Auto-Submitted: auto-generated; x=y", "notification"),
        ("Auto-Submitted: AUTO-NOTIFIED", "notification"),
        ("Auto-Submitted: something-new", "auto_reply"),
        ("X-Autoreply: yes", "auto_reply"),
        ("X-Autorespond: vacation", "auto_reply"),
        ("Precedence: auto_reply", "auto_reply"),
        ("Precedence: Bulk", "list"),
        ("Precedence: junk", "list"),
        ("List-Id: <a.example.com>", "list"),
        ("List-Unsubscribe: <https://example.com/u>", "list"),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply", "notification"),
        ("X-Auto-Response-Suppress: All", "notification"),
        ("X-FC-MachineGenerated: true", "notification"),
        ("Return-Path: <>", "bounce"),
        ("X-Failed-Recipients: bob@example.com", "bounce"),
        (f"{REPORT}delivery-status", "bounce"),
        (f"{REPORT}disposition-notification", "receipt"),
        (f"{REPORT}feedback-report", "report"),
        (f"{REPORT}tlsrpt", "report"),
        ("Content-Type: message/feedback-report", "report"),
        ("Content-Type: message/delivery-status", "bounce"),
        ("TLS-Report-Domain: example.com", "report"),
        ("Content-Type: text/calendar; method=REPLY", "calendar_reply"),
    ],
)
def test_a_field_names_the_kind(field: str, kind: str) -> None:
    found = machine(field)
    assert (found.kind, found.automatic) == (kind, True) and found.reasons


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Precedence: first-class",
        "X-Auto-Response-Suppress: DR, RN, NRN",
        "X-Autoreply: no",
        "Content-Type: text/calendar; method=REQUEST",
        "X-AI-Generated: false",
        "X-Mailer: x",
    ],
)
def test_a_person_is_not_taken_for_a_machine(field: str) -> None:
    assert machine(field) == Machine()


@pytest.mark.parametrize(
    "local", ["no-reply", "NoReply", "do_not.reply", "noreply+12", "nicht-antworten", "noresponder"]
)
def test_a_sender_that_takes_no_answers(local: str) -> None:
    assert machine(sender=f"Shop <{local}@example.com>").kind == "no_reply"
    assert machine("Reply-To: desk@example.com", sender=f"{local}@example.com") == Machine(), "an answer goes elsewhere"


@pytest.mark.parametrize("local", ["mailer-daemon", "MAILER-DAEMON", "MDaemon"])
def test_a_mailer_daemon(local: str) -> None:
    assert machine(sender=f"Mail Delivery System <{local}@example.com>").kind == "bounce"


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Invoice",
        "Out of Office: Re: Invoice",
        "Abwesenheitsnotiz: Rechnung",
        "Automatische Antwort: Rechnung",
        "Réponse automatique : Facture",
        "Respuesta automática: Factura",
        "Risposta automatica: Fattura",
        "Resposta automática: Fatura",
        "Automatisch antwoord: Factuur",
        "Автоматический ответ: Счёт",
        "自動応答: 請求書",
        "自动回复：发票",
    ],
)
def test_words_alone_are_a_weak_sign(subject: str) -> None:
    found = machine(subject=subject)
    assert (found.kind, found.certain, found.automatic) == ("out_of_office", False, False)
    assert machine("Auto-Submitted: auto-replied", subject=subject).kind == "out_of_office"
    # as Exchange says it
    said = machine("Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", subject=subject)
    assert (said.kind, said.automatic) == ("out_of_office", True)


@pytest.mark.parametrize(
    "text", ["I am currently out of the office until Monday.", "Ich bin derzeit nicht im Büro.", "Je suis en congé."]
)
def test_an_absence_in_the_text_is_a_weak_sign(text: str) -> None:
    assert machine(text=text).kind == "out_of_office"


@pytest.mark.parametrize(
    "subject",
    ["Automation of replies", "Office move", "Vacation plans", "Re: Autosave", "Bounce rates", "Reply needed"],
)
def test_ordinary_subjects_are_no_sign(subject: str) -> None:
    assert machine(subject=subject) == Machine()


def test_an_agent_is_marked_and_may_be_answered() -> None:
    found = machine("X-AI-Generated: true", "Gatepost-Identity: v=1")
    assert (found.kind, found.automatic) == ("agent", False)


def test_the_null_sender_makes_any_mail_automatic() -> None:
    assert without_sender(Machine()).kind == "bounce"
    assert without_sender(machine("Auto-Submitted: auto-replied")).kind == "auto_reply"
    assert without_sender(machine(subject="Automatic reply: x")).automatic


@given(st.binary(max_size=300))
def test_any_header_gets_an_answer(value: bytes) -> None:
    for name in (b"Auto-Submitted", b"X-Auto-Response-Suppress", b"Reply-To", b"Precedence", b"Subject"):
        assert isinstance(parse(name + b": " + value + b"\r\n\r\nHi").machine, Machine)
