"""The table `spam` of the settings: from which scores on mail is marked or kept apart, and who scores it."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from policies.spam import Thresholds


def _has_port(url: str) -> bool:
    """Whether the port is one, where there is any."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


class SpamSettings(BaseModel):
    """What becomes of spam."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flag: float = Field(default=5.0, description="From this score on mail is marked, and wakes nobody.")
    quarantine: float = Field(
        default=10.0, description="From this score on mail is kept apart: only the overseer sees it, on the web."
    )
    keep_days: int = Field(default=30, ge=1, le=3650, description="Days after which mail kept apart is deleted.")
    rspamd_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+$",
        description="An rspamd worker that scores mail, such as http://127.0.0.1:11333; none is a score of our own.",
    )
    spamd: str | None = Field(
        default=None,
        pattern=r"^\S{1,253}:[0-9]{1,5}$",
        description="SpamAssassin's spamd that scores mail, as host:port; none is a score of our own.",
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Seconds a scanner has; then the mail is taken with its score unknown."
    )

    @model_validator(mode="after")
    def _sensible(self) -> "SpamSettings":
        if self.quarantine < self.flag:
            raise ValueError("spam.quarantine is not below spam.flag")
        if self.spamd is not None and not 0 < int(self.spamd.rpartition(":")[2]) < 65_536:
            raise ValueError("spam.spamd ends with a port, such as 127.0.0.1:783")
        if self.rspamd_url is not None and not _has_port(self.rspamd_url):
            raise ValueError("spam.rspamd_url is written as http://127.0.0.1:11333")
        if self.rspamd_url is not None and self.spamd is not None:
            raise ValueError("one scanner is enough: spam.rspamd_url or spam.spamd")
        return self

    def thresholds(self) -> Thresholds:
        """The scores as the rules read them."""
        return Thresholds(self.flag, self.quarantine)
