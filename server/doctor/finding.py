"""What a look at one thing found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `fix` is empty when there is nothing to do."""

    level: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""
