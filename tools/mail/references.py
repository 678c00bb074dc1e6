"""Threading facts of one mail: message ids in order and the subject without its prefixes (RFC 5256 section 2.1)."""

import re
from collections.abc import Sequence

from tools.mail import limits

# What "Re:" and "Fwd:" are called elsewhere.
_REPLY_WORDS = (
    "re|r|aw|antw|antwort|sv|vs|vá|odp|rif|res|resp|rép|bls|ynt|atb|ats|απ|σχετ|ответ|回复|回覆|答复|答覆|回信|返信|"
    "回應|回|답장|회신|відп|отг|răsp|tl|השב|תגובה|رد|ตอบกลับ"
)
_FORWARD_WORDS = (
    "fwd?|wg|tr|enc|rv|i|pd|vl|vb|doorst|továbbítás|пересл|videresendt|ilt|i̇lt|trs|přep|πρθ|הועבר|إعادة توجيه|"
    "转发|轉寄|轉發|转|転送|전달"
)
_FORWARD = re.compile(rf"\s*(?:{_FORWARD_WORDS})\s?[:：]", re.IGNORECASE)
_LEADER = re.compile(
    rf"(?:{_REPLY_WORDS}|{_FORWARD_WORDS})\s?(?:\[\d{{1,4}}\]|\(\d{{1,4}}\)|\^?\d{{1,2}})?\s?[:：]\s*", re.IGNORECASE
)
_BLOB = re.compile(r"\[[^\[\]]{1,100}\]\s*")
_TRAILER = re.compile(r"\s*\(fwd?\)\s*\Z", re.IGNORECASE)
_WRAPPED = re.compile(r"\[fwd?:\s*(.*)\]\Z", re.IGNORECASE | re.DOTALL)


def reference_ids(parsed_references: Sequence[str], in_reply_to: str) -> tuple[str, ...]:
    """The ids a mail answers, newest last, each once, at most 50: the first of the thread and the newest.

    In-Reply-To counts as the newest unless References already has it (RFC 5322 section 3.6.4).
    """
    ids = [identifier for identifier in dict.fromkeys([*parsed_references, in_reply_to]) if identifier]
    if len(ids) > limits.REFERENCES:
        ids = ids[:1] + ids[1 - limits.REFERENCES :]
    return tuple(ids)


def base_subject(subject: str) -> str:
    """The subject two mails of a thread share: prefixes, list tags and (fwd) gone, lower-case, single spaces.

    A subject that is nothing but prefixes has the empty base.
    """
    base = " ".join(subject[: limits.SUBJECT_CHARS].split())
    previous = None
    while base != previous:
        previous = base
        base = _TRAILER.sub("", base)
        leader = _LEADER.match(base)
        blob = _BLOB.match(base)
        if leader:
            base = base[leader.end() :]
        elif blob and base[blob.end() :]:  # RFC 5256: a blob goes only if something is left
            base = base[blob.end() :]
        elif wrapped := _WRAPPED.match(base):
            base = wrapped.group(1).strip()
    return base.lower()[: limits.BASE_SUBJECT_CHARS]


def is_answer(subject: str) -> bool:
    """Whether the subject's first prefix, behind the tag of a list, says that the mail goes on with another."""
    subject = subject[: limits.SUBJECT_CHARS].lstrip()
    tag = _BLOB.match(subject)
    return _LEADER.match(subject, tag.end() if tag else 0) is not None


def is_forward(subject: str) -> bool:
    """Whether the subject's first prefix says that the mail passes another one on."""
    return _FORWARD.match(subject) is not None
