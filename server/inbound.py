"""The table `inbound` of the settings: who may bring mail, how many at once, and who is asked to come again."""

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.smtp.peers import Bounds


class InboundSettings(BaseModel):
    """What other mail servers, and the forwarding service before them, may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: int = Field(
        default=2000,
        ge=1,
        description="Connections at a time; never more than a quarter of the files that this process may have open. "
        "Who comes beyond is told 421.",
    )
    per_address: int = Field(default=100, ge=1, description="Connections at a time of one address, or IPv6 /64.")
    per_minute: int | None = Field(
        default=None, ge=1, description="New connections a minute of one address; none is no limit."
    )
    errors: int = Field(
        default=200, ge=1, description="Refused commands of one address in ten minutes; then it has to wait."
    )
    proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(),
        description="Networks of load balancers, which must say by the PROXY protocol (1 or 2) whom they speak for. "
        "From anybody else that is an unknown command.",
    )
    greylist_minutes: int = Field(
        default=0,
        ge=0,
        le=1440,
        description="Minutes after which mail of an unknown network is taken at another try; 0 is at once.",
    )
    dmarc_temperror: Literal["accept", "defer"] = Field(
        default="accept",
        description="What becomes of mail while the DNS does not tell what its author's domain asks for: `accept` "
        "takes it, marked; `defer` answers 451, where no recipient's mailbox has the DMARC policy accept.",
    )

    def bounds(self, files: int) -> Bounds:
        """What is counted, in a process that may have so many files open."""
        # with those of submission they are a third, and HTTP has another: the last is delivery's and the database's
        connections = min(self.connections, files // 4)
        return Bounds(connections, self.per_address, self.per_minute, self.errors)
