"""The table `web` of the settings: how many connections HTTP takes, and who speaks for others."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, ConfigDict, Field

from server.http.crowd import LOOPBACK, Bounds


class WebSettings(BaseModel):
    """What those who come over HTTP may do, and the proxy before them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: int = Field(
        default=5000,
        ge=1,
        description="Connections at a time; never more than a third of the files that this process may have open.",
    )
    per_address: int = Field(
        default=500,
        ge=1,
        description="Connections at a time of one address, or IPv6 /64; a stream is one. Who comes beyond is told 503.",
    )
    proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=LOOPBACK,
        description="Networks of reverse proxies. Their connections are not counted by address, and whom they name in "
        "X-Forwarded-For counts as who asks; how many connections each of those may have is for the proxy to bound. "
        "The list is the whole of it: whoever names another machine, and has a proxy on this one too, names both.",
    )

    def bounds(self, files: int) -> Bounds:
        """What is counted, in a process that may have so many files open."""
        # SMTP has another third, and delivery and the database the last
        return Bounds(min(self.connections, files // 3), self.per_address, self.proxies)

    def trusted(self) -> list[str]:
        """The networks of proxies, for uvicorn."""
        return [str(network) for network in self.proxies]
