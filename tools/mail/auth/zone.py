"""The DNS out of a JSON file, so that a verdict can be had without a network and be had again.

Each name has its records by type, several in a list; types that authentication does not ask for are passed over.

{"example.com": {"TXT": ["v=spf1 -all", ["in two ", "strings"]], "A": ["192.0.2.1"], "MX": [[10, "mx.example.com"]]},
 "1.2.0.192.in-addr.arpa": {"PTR": ["example.com"]}, "www.example.com": {"CNAME": "example.com"},
 "slow.example.com": "TIMEOUT", "half.example.com": {"A": ["192.0.2.2"], "TXT": "SERVFAIL"}}
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Annotated, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from tools.mail.auth.resolver import NoSuchName, TemporaryFailure

MAX_ALIASES = 8

Failure = Literal["TIMEOUT", "SERVFAIL"]
T = TypeVar("T")


def _several(records: object) -> object:
    """One record may stand without its list."""
    return records if not isinstance(records, str) or records in get_args(Failure) else (records,)


def _pair(record: object) -> object:
    """An MX record may be written as in a zone file: `10 mx.example.com`."""
    return record.split() if isinstance(record, str) else record


_Texts = Annotated[tuple[str | tuple[str, ...], ...] | Failure, BeforeValidator(_several)]
_Names = Annotated[tuple[str, ...] | Failure, BeforeValidator(_several)]
_Exchange = Annotated[tuple[int, str], BeforeValidator(_pair)]
_Exchanges = Annotated[tuple[_Exchange, ...] | Failure, BeforeValidator(_several)]


class Records(BaseModel):
    """What a name has, or how asking for it fails."""

    model_config = ConfigDict(frozen=True)

    txt: _Texts = Field((), alias="TXT")
    a: _Names = Field((), alias="A")
    aaaa: _Names = Field((), alias="AAAA")
    mx: _Exchanges = Field((), alias="MX")
    ptr: _Names = Field((), alias="PTR")
    cname: str = Field("", alias="CNAME")


_NAMES = TypeAdapter(dict[str, Records | Failure])


class Zone:
    """A Resolver that knows the names it was given, and no other."""

    def __init__(self, names: Mapping[str, object]) -> None:
        """Raises ValueError for anything but names with records."""
        records = _NAMES.validate_python(names)
        self._records = {_plain(name): found for name, found in records.items()}
        # RFC 8020: a name with names below it exists, records or not
        self._parents = {parent for name in self._records for parent in _parents(name)}

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises ValueError for what is not JSON, or not names with records."""
        return cls(TypeAdapter(dict[str, object]).validate_json(text))

    async def txt(self, name: str) -> tuple[bytes, ...]:
        """As Resolver says."""
        found = self._look_up(name, lambda records: records.txt)
        return tuple(text.encode() if isinstance(text, str) else "".join(text).encode() for text in found)

    async def a(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return self._look_up(name, lambda records: records.a)

    async def aaaa(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return self._look_up(name, lambda records: records.aaaa)

    async def addresses(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return (*await self.a(name), *await self.aaaa(name))

    async def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """As Resolver says."""
        return tuple(sorted(self._look_up(name, lambda records: records.mx)))

    async def ptr(self, ip: str) -> tuple[str, ...]:
        """As Resolver says."""
        return self._look_up(ip_address(ip).reverse_pointer, lambda records: records.ptr)

    def _look_up(self, name: str, kind: Callable[[Records], tuple[T, ...] | Failure]) -> tuple[T, ...]:
        name = _plain(name)
        for _ in range(MAX_ALIASES):
            records = self._records.get(name)
            if records is None:
                if name in self._parents:
                    return ()
                raise NoSuchName(name)
            found = records if isinstance(records, str) or records.cname else kind(records)
            if isinstance(found, str):
                raise TemporaryFailure(f"{name}: {found}")
            if isinstance(found, tuple):
                return found
            name = _plain(found.cname)
        raise TemporaryFailure(f"{name}: more than {MAX_ALIASES} aliases")


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _parents(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[i:]) for i in range(1, len(labels))]
