"""Refusals as SMTP replies."""

from tools.errors import Refusal

_TEXT_LIMIT = 400


def reply_to(refusal: Refusal) -> bytes:
    """A refusal as an SMTP reply with its enhanced code."""
    condition = refusal.condition
    code = condition.smtp or ("451 4.7.1" if condition.status == 429 or refusal.retry_after else "550 5.7.1")
    reasons = refusal.details.get("reasons")
    words = " ".join([refusal.sentence, *(map(str, reasons) if isinstance(reasons, list) else ())])
    text = "".join(char if char.isascii() and char.isprintable() else "?" for char in words)
    return f"{code} {text[:_TEXT_LIMIT]}".encode()
