"""From a remote's reply, or its silence, to an outcome."""

import re

from server.delivery.outcome import Bounced, Deferred, Sent, Uncertain
from tools.mail.classify import Step, classify

TEXT_LIMIT = 500

_ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?=\s|$)", re.ASCII)
# RFC 3463: no answer from the host; cryptographic failure; other security status; else a bad connection
_LOST: dict[Step, str] = {"greeting": "4.4.1", "starttls": "4.7.5", "auth": "4.7.0"}
_OURS: frozenset[Step] = frozenset({"starttls", "auth"})


def accepted(host: str, code: int, message: str) -> Sent:
    """The reply to the final dot was positive."""
    return Sent(code, *read(code, message), host)


def refused(step: Step, host: str, code: int, message: str) -> Deferred | Bounced:
    """Any other reply. 5xx is final, except where our own set-up (TLS, AUTH) is at fault and not the mail."""
    if not 200 <= code <= 599:
        return lost(step, host, f"malformed reply: {message}")
    enhanced, text = read(code, message)
    category = classify(code, enhanced, text, step)
    if code >= 500 and step not in _OURS:
        return Bounced(code, enhanced, text, host, category)
    return Deferred(code, enhanced, text, host, category)


def lost(step: Step, host: str, why: str) -> Deferred:
    """No reply, and the mail certainly was not taken."""
    text = printable(why)
    return Deferred(0, _LOST.get(step, "4.4.2"), text, host, classify(0, "", text, step))


def uncertain(host: str, why: str) -> Uncertain:
    """No reply, and the mail may have been taken."""
    return Uncertain(0, "4.4.2", printable(why), host)


def read(code: int, message: str) -> tuple[str, str]:
    """The enhanced code (RFC 2034; empty if there is none of the code's own class) and the words of a reply."""
    found = _ENHANCED.match(message)
    if not found or found[1][0] != str(code)[0]:
        return "", printable(message)
    # many servers repeat the enhanced code on each line
    lines = (line.removeprefix(found[0]) for line in message.split("\n"))
    return found[1], printable(" ".join(lines))


def printable(text: str) -> str:
    """One line of at most 500 printable characters."""
    visible = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    return " ".join(visible.split())[:TEXT_LIMIT]
