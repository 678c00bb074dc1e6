"""The table `limits` of the settings: how much may leave, how fast requests may come, when sending pauses."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from policies.reputation import Thresholds
from policies.windows import Limits, Tier

Cap = int | None


class TierSettings(BaseModel):
    """The limits from one day of age on, in recipients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_day: int = Field(ge=1, description="Day of age from which it holds; 1 is the first 24 hours.")
    per_hour: Cap = Field(default=None, ge=0, description="Recipients an hour; none is no limit.")
    per_day: Cap = Field(default=None, ge=0, description="Recipients a day (UTC); none is no limit.")


# a week of growing daily limits for a new mailbox
MAILBOX_TIERS = (
    *(TierSettings(from_day=day, per_day=limit) for day, limit in enumerate((10, 20, 40, 80, 150, 250, 400), 1)),
    TierSettings(from_day=8),
)
# two weeks for a new domain, then what one sender's reputation carries
DOMAIN_TIERS = (
    TierSettings(from_day=1, per_hour=2, per_day=10),
    TierSettings(from_day=8, per_hour=10, per_day=50),
    TierSettings(from_day=15, per_hour=100, per_day=1000),
)


class LimitSettings(BaseModel):
    """All limits in one place. Mail is counted in recipients, in windows of the UTC clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warming: bool | None = Field(
        default=None,
        description="Whether the tiers hold. Default: for the route `direct` on the public Internet, no other.",
    )
    mailbox_tiers: tuple[TierSettings, ...] = Field(
        default=MAILBOX_TIERS, description="Warming by a mailbox's age: `from_day`, `per_hour`, `per_day`."
    )
    domain_tiers: tuple[TierSettings, ...] = Field(
        default=DOMAIN_TIERS, description="Warming by a domain's age; the last tier holds for good."
    )
    mailbox_per_hour: Cap = Field(default=None, ge=0, description="Recipients a mailbox may write to in an hour.")
    mailbox_per_day: Cap = Field(default=None, ge=0, description="Recipients a mailbox may write to in a day.")
    account_per_hour: Cap = Field(default=None, ge=0, description="Recipients an account may write to in an hour.")
    account_per_day: Cap = Field(default=None, ge=0, description="Recipients an account may write to in a day.")
    account_per_month: Cap = Field(default=None, ge=0, description="An account's monthly quota of recipients.")
    key_requests: int = Field(default=60_000, ge=1, description="Requests a minute with one key, in each process.")
    account_requests: int = Field(
        default=120_000, ge=1, description="Requests a minute of one account, in each process."
    )
    visitor_requests: int = Field(
        default=60,
        ge=1,
        description="Mails to verify, and sign-in links, that one address may ask for in a minute, in each process.",
    )
    warn_bounces: float = Field(
        default=0.02, gt=0, le=1, description="Share of bounces in 24 hours that makes an event of warning."
    )
    pause_bounces: float = Field(default=0.05, gt=0, le=1, description="Share of bounces that pauses an account.")
    pause_complaints: float = Field(
        default=0.0008, gt=0, le=1, description="Share of complaints that pauses an account."
    )
    pause_sample: int = Field(default=10, ge=1, description="Fewer mails than this in 24 hours pause nothing.")

    @model_validator(mode="after")
    def _ordered(self) -> "LimitSettings":
        for tiers in (self.mailbox_tiers, self.domain_tiers):
            days = [tier.from_day for tier in tiers]
            if days != sorted(set(days)) or days[:1] not in ([], [1]):
                raise ValueError("tiers begin with from_day = 1, and each begins later than the one before")
        return self

    def table(self, *, reputation_at_stake: bool) -> Limits:
        """The limits as the rules read them; without a reputation at stake nothing warms up unless it is asked for."""
        warming = reputation_at_stake if self.warming is None else self.warming
        return Limits(
            mailbox_tiers=_tiers(self.mailbox_tiers) if warming else (),
            domain_tiers=_tiers(self.domain_tiers) if warming else (),
            mailbox_per_hour=self.mailbox_per_hour,
            mailbox_per_day=self.mailbox_per_day,
            account_per_hour=self.account_per_hour,
            account_per_day=self.account_per_day,
            account_per_month=self.account_per_month,
        )

    def thresholds(self) -> Thresholds:
        """When sending pauses by itself."""
        return Thresholds(self.warn_bounces, self.pause_bounces, self.pause_complaints, self.pause_sample)


def _tiers(tiers: tuple[TierSettings, ...]) -> tuple[Tier, ...]:
    return tuple(Tier(tier.from_day, tier.per_hour, tier.per_day) for tier in tiers)
