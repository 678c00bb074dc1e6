"""Ordinary business mail passes: forty short letters, of which the content rules hold none."""

import pytest

from policies.content import CONTENT
from policies.decision import Verdict
from policies.facts import Content, Correspondent, File, Link, Outbound
from policies.modes import Mode
from policies.outbound import decide, oversight
from tools.mail.links import links
from tools.mail.markdown import render

LETTERS = (
    "Hi Bob,\n\nthe invoice 2026-004711 over 1.234,56 EUR is attached. Please pay until 31.01.2026.\n\nBest, Ada",
    "Your order 4500012345678901 has shipped. Tracking: [see the carrier](https://track.example.com/4500012345678901)",
    "Can we move our call to 14:30? Dial-in +49 30 1234 5678, meeting ID 123 4567 8901.",
    "Minutes of today: https://docs.example.com/minutes?id=8f14e45fceea167a5a36dedd4bea2543",
    "Please confirm your appointment on Monday: [confirm](https://calendar.example.org/c/1)",
    "Thank you for signing up. Please confirm your email address: [confirm](https://app.example.com/c?t=abc123def456)",
    "You asked to reset your password: [choose a new one](https://app.example.com/reset). It expires in an hour.",
    "The password is required to open the file; Bob will tell you by telephone.",
    "Password: will follow by text message.",
    "Our bank details: IBAN DE89 3704 0044 0532 0130 00.",
    "IBAN GB29 NWBK 6016 1331 9268 19, reference 000123456789",
    "The release is out: commit 9fceb02d0ae598e95dc970b74767f19372d6e1c8, see https://git.example.com/r/commit/9fceb02",
    "SHA-256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "Contract number 5500-0000-1234-0001, customer 38 1234 567.",
    "Please see [report.pdf](https://files.example.com/2026/report.pdf) and [Node.js](https://nodejs.example/).",
    "Write to [support@example.com](mailto:support@example.com?subject=Help) or see [our site](https://example.com).",
    "[example.com](https://www.example.com/) | [www.example.com/imprint](https://example.com/imprint)",
    "| Item | Price |\n|---|---|\n| 4711 | 12.00 |\n| 0815 | 7.50 |\n\nTotal: 19.50",
    "Serial numbers: 351234567890123, 351234567890131, 490154203237518 (IMEI).",
    "EAN 4006381333931, ISBN 978-3-16-148410-0, VAT DE123456789.",
    "We updated our privacy policy. You do not need to do anything. [Read it](https://example.com/privacy)",
    "Your subscription renews on 1 March. To update your billing address go to [settings](https://app.example.com/s).",
    "Your account is ready. [Log in](https://app.example.com/login) with the address this mail came to.",
    "Reminder: invoice 1001 is 14 days overdue. [Pay now](https://pay.example.com/i/1001)",
    "The server will be restarted at 02:00 UTC; 10.0.0.12 and 10.0.0.13 are affected.",
    "Please review https://git.example.com/pulls/42. The tests pass; `make check` is green.",
    "```\ndef token(self):\n    return os.environ['API_TOKEN']\n```\nset API_TOKEN in the environment first.",
    "Sehr geehrte Frau Müller,\n\nanbei das Angebot Nr. 2026-17. Rückfragen gern unter 030/1234567.\n\nGrüße",
    "Bonjour, voici le compte rendu. Le mot de passe est inchangé.",
    "Travel: flight LH 1234, booking code X7K9QZ, seat 12A, 08:45-10:20.",
    "Hello, the candidate's CV is attached. Two references can be called at 020 7946 0958.",
    "Agenda:\n\n1. Budget 2026\n2. Hiring\n3. Any other business",
    "Your ticket #8821 was closed. [Reopen it](https://help.example.com/t/8821) if the problem is still there.",
    "The parcel is at the shop until Friday. Bring the pick-up code 48213 and an identity card.",
    "Please sign the contract: [open the document](https://sign.example.com/d/7d793037a0760186574b0282f2f435e7)",
    "We verified your address and opened the account as agreed.",
    "Lunch on Thursday? The place is at 12 Main St.; see https://maps.example.org/?q=52.5200,13.4050",
    "Timestamps: 1767225600000000, 1767225600123456, 1767312000654321.",
    "Quarter: revenue 4 111 111, costs 3 782 822, cases 46 310 005.",
    "Please unsubscribe me from the list, and delete my data. Thank you.",
)


def facts_of(markdown: str) -> Outbound:
    bodies = render(markdown)
    content = Content(
        "A letter",
        bodies.text,
        tuple(Link(shown, target) for shown, target in links(bodies.html)),
        (File("letter.pdf", "application/pdf", b"%PDF-1.7"),),
    )
    someone = Correspondent("bob@contoso.example", "contoso.example", False, False, False)
    return Outbound(
        Mode.AUTONOMOUS,
        (someone.address,),
        (someone.address,),
        content=content,
        correspondents=(someone,),
        familiar_domains=("agents.example", "fabrikam.example"),
        repeated="",
        sources=(),
    )


def test_there_are_forty() -> None:
    assert len(set(LETTERS)) == 40


@pytest.mark.parametrize("markdown", LETTERS)
def test_an_ordinary_letter_passes(markdown: str) -> None:
    decision = decide(facts_of(markdown), (oversight, *CONTENT))
    assert decision.verdict is Verdict.ALLOW, [finding.reason for finding in decision.deciding]
