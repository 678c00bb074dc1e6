"""What the server found out about a mail, from its `findings`: a line of verdicts, warnings as codes, and all of it."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from storage.records import MessageHead

Findings = dict[str, Any]

TOPICS = ("auth", "warnings", "hidden", "links", "signals", "spam", "machine", "thread")
"""Keys of `findings` that `read_message` shows when all is asked for, as they are."""
_MECHANISMS = ("spf", "dkim", "dmarc", "arc")
_WARNED = {"signals": "injection_signals", "sender_ambiguous": "sender_ambiguous"}
"""Findings that are a warning by being there."""

_WARNED_BY = {"hidden": ("suspicious", "hidden_text"), "links": ("differs", "link_differs")}
"""Findings of several things of which one alone is a warning, and what it is then."""

_WARNING_DEFECTS = ("type_differs", "encrypted")
"""Defects of a mail's form that a reader has to know before anything else."""

# What looks like one of our codes; anything else may be text from the mail, and stays among the details.
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


def verdicts(findings: Findings) -> str:
    """One line such as `spf=pass dkim=fail dmarc=none`; '' where nothing was checked."""
    auth = findings.get("auth") or {}
    said = ((name, " ".join(dict.fromkeys(_codes(auth.get(name))))) for name in _MECHANISMS)
    return " ".join(f"{name}={result.replace(' ', '/')}" for name, result in said if result)


def verified_domain(findings: Findings) -> str:
    """The domain that the sender proved to be of; '' when none."""
    auth = findings.get("auth") or {}
    return str(auth.get("verified_domain") or "")


def warnings(message: MessageHead, findings: Findings) -> list[str]:
    """Codes of what should make a reader careful, each once."""
    found = [*_codes(findings.get("warnings")), *(code for key, code in _WARNED.items() if findings.get(key))]
    found += [code for topic, (key, code) in _WARNED_BY.items() if _any_is(findings.get(topic), key)]
    thread = findings.get("thread") or {}
    if thread.get("new_participant"):
        found.append("new_in_thread")
    if thread.get("repeats"):
        found.append("probable_duplicate")
    found += [defect for defect in _WARNING_DEFECTS if defect in findings.get("defects", ())]
    if message.status.startswith("spam"):
        found.append(message.status)
    return list(dict.fromkeys(found))


def details(findings: Findings) -> dict[str, JsonValue]:
    """Every topic that has something to say."""
    return {topic: findings[topic] for topic in TOPICS if findings.get(topic)}


def _any_is(values: object, key: str) -> bool:
    """Whether one of a topic's objects has this said of it."""
    return isinstance(values, list) and any(isinstance(each, dict) and each.get(key) is True for each in values)


def _codes(value: object) -> Iterator[str]:
    """The codes in what a topic says: a code, an object that has one, or a list of those."""
    if isinstance(value, str):
        if _CODE.match(value):
            yield value
    elif isinstance(value, dict):
        yield from _codes(value.get("code") or value.get("result"))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _codes(each)
