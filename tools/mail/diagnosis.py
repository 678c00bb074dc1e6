"""What a report's words say about one recipient: codes, category, and whether the address is gone for good."""

import re
from dataclasses import dataclass

from tools.mail.classify import Category, Step, classify

_READ = 4000
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)")
_BOTH = re.compile(r"(?<!\d)([45][0-5]\d)[ -]'?[#(]{0,2}([45]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)")
# A code stands alone and is not a part of a size, a port, a host or an id.
_CODE = re.compile(r"(?<![\w./=+#-])(?<!\S:)([45][0-5]\d)(?=[ \-:,;'\")>]|$)")
_STEP = re.compile(
    r"(?:in reply to|in response to|reply to|response to|after|>>>|<<<|\[|\bin|progress was) "
    r"(rcpt|mail from|end of data|data)|\[(rcpt|mail)_|smtp:(rcpt)|(does not like recipient)",
    re.IGNORECASE,
)
_STEPS: dict[str, Step] = {
    "rcpt": "rcpt",
    "does not like recipient": "rcpt",
    "mail": "mail",
    "mail from": "mail",
    "data": "content",
    "end of data": "content",
}

# Reporters put 5.1.1 on much that is no missing mailbox; these words tell.
_NOT_THE_ADDRESS = (
    "command output",
    "relaying denied",
    "relay access denied",
    "unable to relay",
    "relay not permitted",
    "sender address rejected",
    "sender rejected",
)
_TELLING: frozenset[Category] = frozenset({"AccountProblem", "BlackListed", "Spam", "SPFProblem", "Throttled"})
_NOT_FOR_GOOD = ("not found, try again", "malformed or unexpected name server reply")
# Sendmail gives 5.2.1 to unknown users as well.
_SAYING_NOTHING = ("", "5.0.0", "5.2.1", "5.5.0")
# Some look up an account only once the mail is there.
_NO_ACCOUNT = re.compile(r"user doesn't have an? \S{1,253} account", re.IGNORECASE)
_ADDRESS_STATUS = frozenset({"5.1.0", "5.1.3"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`status` as in RFC 3463 and `reply_code` as in RFC 5321, '' where nobody gave one.

    `hard`: the address itself does not exist, for good; only that is a reason never to write to it again.
    """

    status: str
    reply_code: str
    category: Category
    hard: bool


def diagnose(action: str, status: str, diagnostic: str, around: str = "") -> Diagnosis:
    """Read one recipient's fields; `around` is what a report for people says near the address.

    A delay is never hard. Of a server's reply the words alone are not either: a filter says "user unknown" as well. It
    takes an address status (5.1.x), an answer to RCPT, a status that says nothing else or a reply in a field of its
    own, or the reporter speaking of its own users.
    """
    diagnostic, around = (" ".join(text[:_READ].split()) for text in (diagnostic, around))
    words = f"{diagnostic} {around}"[:_READ]
    told = diagnostic if any(_codes(diagnostic)) else words
    code, remote_status = _codes(told)
    # RFC 3463 section 3.1: X.0.0 says nothing but its class; and the remote knows better than who reports what it said
    if remote_status and (not status or status.endswith(".0.0") or _BOTH.search(diagnostic)):
        status = remote_status
    step = _step(words)
    category = _category(code, status, told, step)
    if category == "Unknown":
        category = _category(code, status, words, step)
    if any(phrase in words.lower() for phrase in _NOT_THE_ADDRESS):
        category = "Unknown"
    fielded = not code or bool(status or any(_codes(diagnostic)))
    lasting = action != "delayed" and not (status or code).startswith("4")
    return Diagnosis(status, code, category, lasting and _is_gone(category, status, step, words, fielded=fielded))


def _codes(text: str) -> tuple[str, str]:
    """The reply code and the enhanced status in a text, those that stand together before any others."""
    text = text[:_READ]
    if both := _BOTH.search(text):
        return both.group(1), both.group(2)
    code, status = _CODE.search(text), _STATUS.search(text)
    return code.group(1) if code else "", status.group(1) if status else ""


def _step(words: str) -> Step | None:
    found = _STEP.search(words)
    return _STEPS[next(group for group in found.groups() if group).lower()] if found else None


def _category(code: str, status: str, words: str, step: Step | None) -> Category:
    # Without a reply the class of the status stands in: the table's words ask for a code.
    number = int(code) if code else 450 if status.startswith("4") else 550
    step = step or "rcpt"
    category = classify(number, status, words, step)
    if category == "NoMailbox":
        told = classify(number, "", words, step)
        return told if told in _TELLING else category
    if category == "Unknown" and status in _ADDRESS_STATUS and step != "mail":
        return "NoMailbox"
    return category


def _is_gone(category: Category, status: str, step: Step | None, words: str, *, fielded: bool) -> bool:
    """`fielded`: no reply was given, or one that stands in a field for it."""
    if category == "DNSProblem":
        return step != "mail" and not any(phrase in words.lower() for phrase in _NOT_FOR_GOOD)
    if category != "NoMailbox":
        return False
    if _NO_ACCOUNT.search(words):
        return True
    return status.startswith("5.1.") or step == "rcpt" or (step is None and fielded and status in _SAYING_NOTHING)
