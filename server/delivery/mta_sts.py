"""MTA-STS (RFC 8461): the record that announces a policy, the policy's text, and which hosts it lists."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

Mode = Literal["enforce", "testing", "none"]

MAX_MX = 32
MAX_AGE = 31_557_600
"""A year in seconds, the most that section 3.2 allows."""

_RECORD = re.compile(r"v=STSv1[ \t]*;")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_AGE = re.compile(r"[0-9]{1,10}")
_PATTERN = re.compile(r"(\*\.)?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,126}")


class PolicyError(ValueError):
    """A policy that cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A domain's policy. `mx`: host names and `*.` patterns in lower case. `max_age`: seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def lists(self, host: str) -> bool:
        """Section 4.1: an asterisk stands for just one label."""
        name = host.rstrip(".").lower()
        return name in self.mx or f"*.{name.partition('.')[2]}" in self.mx

    def lines(self) -> tuple[str, ...]:
        """The policy as a TLS report quotes it."""
        return (
            "version: STSv1",
            f"mode: {self.mode}",
            *(f"mx: {pattern}" for pattern in self.mx),
            f"max_age: {self.max_age}",
        )


def read_record(texts: Iterable[str]) -> str | None:
    """The id in the TXT records of `_mta-sts.<domain>`. None unless just one of them announces a policy (3.1)."""
    records = [text for text in texts if _RECORD.match(text)]
    if len(records) != 1:
        return None
    for field in records[0].split(";")[1:]:
        key, _, value = field.strip(" \t").partition("=")
        if key == "id":
            return value if _ID.fullmatch(value) else None
    return None


def read_policy(text: str) -> StsPolicy:
    """Section 3.2. Raises PolicyError."""
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.splitlines():
        key, _, value = (part.strip(" \t") for part in line.partition(":"))
        if key == "mx":
            patterns.append(value.lower().rstrip("."))
        else:
            fields.setdefault(key, value)
    mode, age = fields.get("mode"), fields.get("max_age", "")
    if fields.get("version") != "STSv1" or mode not in ("enforce", "testing", "none") or not _AGE.fullmatch(age):
        raise PolicyError("version, mode or max_age is missing or wrong")
    if mode != "none" and not 1 <= len(patterns) <= MAX_MX:
        raise PolicyError(f"it lists {len(patterns)} hosts")
    if not all(len(pattern) <= 253 and _PATTERN.fullmatch(pattern) for pattern in patterns):
        raise PolicyError("it lists what is no host name")
    return StsPolicy(cast(Mode, mode), tuple(patterns[:MAX_MX]), min(int(age), MAX_AGE))
