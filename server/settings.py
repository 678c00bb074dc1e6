"""Settings: flags, then GATEPOST_* variables, then a TOML file, then defaults; an unknown name is an error."""

import difflib
import os
import socket
import tomllib
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as SourceError

from server.inbound import InboundSettings
from server.limits import LimitSettings
from server.screening.table import SpamSettings
from server.web import WebSettings

PREFIX = "GATEPOST_"
FILE = "gatepost.toml"
DATABASE = "gatepost.db"
"""The file in the data folder, with SQLite."""

Role = Literal["web", "inbound", "submission", "delivery", "housekeeping"]
ROLES: tuple[Role, ...] = get_args(Role)
"""The parts of a server: pages and API, SMTP in, SMTP from programs, delivery with notices, and what is due in time."""

EXTRAS = ("CONFIG", "URL", "KEY")
"""Variables with our prefix that are not settings: the file's own path, and what `gatepost mcp` connects with."""
_TESTS = (f"{PREFIX}TEST_", f"{PREFIX}CORPORA")
MASK = "********"


Codes = Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")], ...], NoDecode]


class SettingsError(Exception):
    """A setting that cannot be used; the sentence says which and what to do."""


def hosts_of(text: str) -> list[str]:
    """The addresses of a setting that takes several."""
    return [host.strip() for host in text.split(",")]


def is_local(text: str) -> bool:
    """Whether this machine alone reaches each of them."""
    return all(host in ("127.0.0.1", "::1", "localhost") for host in hosts_of(text))


def default_data() -> Path:
    """Where the data lies when nothing is said (XDG base directory specification)."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "gatepost"


class Settings(BaseSettings):
    """What one Gatepost process runs with. `load` is the way to make one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    data: Path = Field(
        default_factory=default_data,
        description="Folder of database, large mail and secret. Default: ~/.local/share/gatepost.",
    )
    database_url: str | None = Field(
        default=None, description="postgresql://… for PostgreSQL; none is SQLite in the data folder."
    )
    secret: SecretStr | None = Field(
        default=None,
        description="32 random bytes or more in base64; none is the file `secret` in the data folder, made if missing.",
    )
    roles: Annotated[tuple[Role, ...], NoDecode] = Field(
        default=ROLES,
        min_length=1,
        description="What this process does, separated by commas. Several processes share the work on PostgreSQL, with "
        "the same `secret`, `base_url` and folder of large mail; on SQLite one process does all of it.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address that HTTP listens on.")
    http_port: int = Field(default=8025, ge=0, le=65535, description="Port that HTTP listens on.")
    base_url: str = Field(
        # a port of 0 is known once it is chosen, and one that cannot be is refused as itself
        default_factory=lambda before: f"http://127.0.0.1:{before.get('http_port') or 8025}",
        description="Where people and agents reach the web pages and the API, without a path: a host of its own. "
        "Default: http://127.0.0.1 with `http_port`.",
    )
    smtp_host: str = Field(
        default="127.0.0.1",
        description="Address that SMTP listens on, or several with commas: `0.0.0.0,::` is all of IPv4 and IPv6.",
    )
    smtp_port: int = Field(default=2525, ge=0, le=65535, description="Port that SMTP listens on; mail servers use 25.")
    submission_host: str = Field(
        default="127.0.0.1", description="Address that SMTP submission listens on, or several with commas."
    )
    submission_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port where programs hand mail in over SMTP, 587 by custom; none is no submission.",
    )
    submission_plain: bool = Field(
        default=False, description="Let programs on this machine sign in to submission without TLS."
    )
    hostname: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[^\s/@]+$",
        description="This server's name in the SMTP banner and in EHLO. Default: the machine's name.",
    )
    route: Literal["capture", "relay", "direct"] = Field(
        default="capture",
        description="How mail leaves: `capture` keeps it here, `relay` uses one smart host, `direct` looks up MX.",
    )
    relay_host: str | None = Field(
        default=None, pattern=r"^[^\s/@]+$", description="The smart host, for the route `relay`."
    )
    relay_port: int = Field(default=587, ge=1, le=65535, description="The smart host's port.")
    relay_user: str | None = Field(default=None, description="User name at the smart host; none is no sign-in.")
    relay_password: SecretStr | None = Field(default=None, description="Password at the smart host.")
    relay_tls: Literal["opportunistic", "require", "never"] = Field(
        default="require", description="Whether the connection to the smart host is encrypted and checked."
    )
    direct_port: int = Field(
        default=25, ge=1, le=65535, description="Port of other mail servers, for the route `direct`."
    )
    direct_private: bool = Field(
        default=False, description="Deliver to mail servers at private addresses too, for mail inside one network."
    )
    resolver: str | None = Field(
        default=None,
        description="DNS resolver as address:port, for the route `direct` and to verify mail that arrives; "
        "none is the system's, and then mail from this machine itself is not verified.",
    )
    resolver_trusted: bool = Field(
        default=False,
        description="The resolver validates DNSSEC and nobody sits between it and this server: DANE is then followed.",
    )
    tls_reports_from: str | None = Field(
        default=None,
        pattern=r"^[^@\s<>]{1,64}@[^@\s<>]{1,253}$",
        description="Address at a domain of this server, such as postmaster@agents.example, that sends each day's TLS "
        "reports (RFC 8460) to the domains that ask for them, on the route `direct`; none is no reports.",
    )
    dkim: Literal["both", "rsa", "none"] = Field(
        default="both",
        description="DKIM signatures on mail that leaves: RSA and Ed25519, RSA alone, or none if the smart host signs.",
    )
    tls_cert: Path | None = Field(default=None, description="Certificate chain (PEM) for STARTTLS on incoming SMTP.")
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of the certificate.")
    max_message_bytes: int = Field(default=26_214_400, ge=65_536, description="Largest mail taken in, in bytes.")
    region_file: Path | None = Field(
        default=None,
        description="A MaxMind DB file such as GeoLite2-Country.mmdb, which says where the addresses are that mail is "
        "handed in from. What comes from nobody knows where is held; so is all of it when the file cannot be read.",
    )
    regions_denied: Codes = Field(
        default=(),
        description="Regions that no mail is taken from: codes of ISO 3166, such as KP or UA-43, with commas.",
    )
    regions_allowed: Codes = Field(default=(), description="If any are named, mail is taken from these regions alone.")
    approval_hours: int = Field(default=72, ge=1, le=720, description="Hours a held mail waits before it is rejected.")
    reminder_hours: int = Field(
        default=24, ge=0, le=720, description="Hours after which the overseer is reminded of a held mail; 0 is never."
    )
    undo_seconds: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="Seconds that mail of monitored and autonomous mailboxes waits, so that it can be withdrawn.",
    )
    ai_header: bool = Field(default=True, description="Put `X-AI-Generated: true` on the mail that agents write.")
    footer: str = Field(
        default="", max_length=1000, description="Markdown below the text of mail that agents write; empty is none."
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="The table of limits, below; as a variable it is JSON."
    )
    spam: SpamSettings = Field(
        default_factory=SpamSettings, description="The table of what becomes of spam, below; as a variable it is JSON."
    )
    inbound: InboundSettings = Field(
        default_factory=InboundSettings, description="The table of arriving mail, below; as a variable it is JSON."
    )
    web: WebSettings = Field(
        default_factory=WebSettings, description="The table of HTTP, below; as a variable it is JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log line that is written."
    )
    json_response: bool = Field(
        default=False, description="Answer MCP calls with plain JSON in place of an event stream."
    )

    @field_validator("data", "tls_cert", "tls_key", "region_file")
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else path

    @field_validator("roles", "regions_denied", "regions_allowed", mode="before")
    @classmethod
    def _separated(cls, words: object) -> object:
        return [word.strip() for word in words.split(",")] if isinstance(words, str) else words

    @field_validator("relay_host", "hostname")
    @classmethod
    def _without_port(cls, host: str | None) -> str | None:
        if host and ":" in host:
            try:
                ip_address(host)
            except ValueError:
                raise ValueError("it is a name or an address alone; a port has a setting of its own") from None
        return host

    @field_validator("resolver")
    @classmethod
    def _address_and_port(cls, resolver: str | None) -> str | None:
        if resolver is None:
            return None
        host, _, port = resolver.rpartition(":")
        try:
            address = ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            address = None
        if address is None or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise ValueError("write it as address:port, such as 127.0.0.1:53 or [::1]:53")
        return f"{address}:{port}"

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            # the pages' own links begin at the root: below a path none of them would be found
            more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
            fits = parts.scheme in ("http", "https") and parts.hostname and not more and parts.port != 0
        except ValueError:
            # what is in brackets is no address, or what follows the colon no port
            fits = False
        if not fits:
            raise ValueError("write it as https://mail.example.com, with nothing behind it")
        return url.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, url: str | None) -> str | None:
        try:
            known = not url or (urlsplit(url).scheme in ("postgresql", "postgres") and urlsplit(url).port != 0)
        except ValueError:
            # its text names the part that is no port, which may be of a password
            known = False
        if not known:
            raise ValueError("write it as postgresql://user@host/database, or leave it out for SQLite")
        return url or None

    @model_validator(mode="after")
    def _complete(self) -> "Settings":
        if self.database_url is None and set(self.roles) != set(ROLES):
            raise ValueError("on SQLite one process does all of the work: roles needs database_url, for PostgreSQL")
        if set(self.roles) == {"submission"} and self.submission_port is None:
            raise ValueError("the role submission needs submission_port")
        if (self.region_file is None) != (not self.regions_denied and not self.regions_allowed):
            raise ValueError("region_file goes together with regions_denied or regions_allowed")
        if self.route == "relay" and not self.relay_host:
            raise ValueError("the route relay needs relay_host")
        if self.route == "direct" and self.dkim == "none":
            raise ValueError("mail that goes to its receivers directly is signed: dkim is both or rsa")
        if (self.relay_user is None) != (self.relay_password is None):
            raise ValueError("relay_user and relay_password go together")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if self.submission_plain and not is_local(self.submission_host):
            raise ValueError("submission_plain is for a submission_host of 127.0.0.1 or ::1")
        if self.submission_port is not None and not (self.tls_cert or self.submission_plain):
            raise ValueError("submission_port needs tls_cert and tls_key: keys are not sent in the clear")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @classmethod
    def load(cls, config: Path | None = None, **flags: Any) -> "Settings":
        """The settings in force. A flag that is None was not given. Raises SettingsError."""
        given = {name: value for name, value in flags.items() if value is not None}
        _refuse_unknown_variables(os.environ)
        file = _file(config, given.get("data"))

        class Loaded(Settings):
            model_config = SettingsConfigDict(toml_file=file)

        try:
            return Loaded(**given)
        except ValidationError as error:
            raise SettingsError(_sentence(error.errors()[0])) from error
        except SourceError as error:
            raise SettingsError(f"{error}: as a variable, a table is JSON.") from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{file}: {error}") from error

    @property
    def meets_strangers(self) -> bool:
        """Whether mail goes straight to servers that judge the sender by its address."""
        return self.route == "direct" and not self.direct_private

    def masked(self) -> dict[str, object]:
        """Every setting as a JSON value, with passwords and secrets covered."""
        shown = self.model_dump(mode="json")
        for name, value in shown.items():
            if isinstance(getattr(self, name), SecretStr):
                shown[name] = MASK
            elif name == "database_url" and value:
                shown[name] = _without_password(value)
        return shown


def _file(config: Path | None, data: Path | None) -> Path | None:
    """The file to read. One that was named must be there; the one in the data folder need not."""
    named = config or os.environ.get(f"{PREFIX}CONFIG")
    if named:
        path = Path(named).expanduser()
        try:
            is_there = path.is_file()
        except OSError as error:
            raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from error
        if not is_there:
            raise SettingsError(f"There is no settings file {path}.")
        return path
    folder = data or os.environ.get(f"{PREFIX}DATA") or default_data()
    return Path(folder).expanduser() / FILE


def _refuse_unknown_variables(names: Iterable[str]) -> None:
    known = [PREFIX + name.upper() for name in (*Settings.model_fields, *EXTRAS)]
    for name in names:
        if name.startswith(PREFIX) and not name.startswith(_TESTS) and name not in known:
            raise SettingsError(f"{name} is not a setting; the nearest is {_nearest(name, known)}.")


def _sentence(error: ErrorDetails) -> str:
    # where a value may be of several kinds, pydantic names the kind it tried too, with brackets
    name = ".".join(part for part in map(str, error["loc"]) if "[" not in part)
    if error["type"] == "extra_forbidden":
        return f"{name} is not a setting; the nearest is {_nearest(name, names())}."
    # never the value given: it may be a password
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        # a pattern tells an operator nothing
        return f"The setting {name} does not have the form it needs: {_description(name)}"
    return f"The setting {name} cannot be used: {reason}." if name else f"The settings do not fit together: {reason}."


def _description(name: str) -> str:
    """What a setting, or one of a table, is said to be."""
    table, _, inner = name.partition(".")
    field = Settings.model_fields[table]
    if inner and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        field = field.annotation.model_fields.get(inner.partition(".")[0], field)
    return field.description or ""


def names() -> Iterator[str]:
    """Every setting; those of a table as `table.name`."""
    for name, field in Settings.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{inner}" for inner in field.annotation.model_fields)


def _nearest(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    query = MASK if "password" in parts.query.lower() else parts.query
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    return parts._replace(netloc=name + (colon and f":{MASK}") + at + host, query=query).geturl()
