"""The DNS out of a JSON file, so that a verdict can be had without a network and be had again.

Each name has its records by type, several in a list; types that authentication does not ask for are passed over.

{"example.com": {"TXT": ["v=spf1 -all", ["in two ", "strings"]], "A": ["192.0.2.1"], "MX": [[10, "mx.example.com"]]},
 "1.2.0.192.in-addr.arpa": {"PTR": ["example.com"]}, "www.example.com": {"CNAME": "example.com"},
 "slow.example.com": "TIMEOUT", "half.example.com": {"A": ["192.0.2.2"], "TXT": "SERVFAIL"}}

The published suites write it otherwise, and are read too. That of ARC gives a name its text alone. That of SPF
(openspf.org) lists a name's records one by one; there SPF stands for TXT where a name has none, TXT: NONE for that it
has none, and TIMEOUT for all types that are not listed:

{"k._domainkey.example.com": "v=DKIM1; p=...", "example.com": [{"SPF": "v=spf1 -all"}, {"MX": [10, "mx.example.com"]}],
 "half.example.com": [{"A": "192.0.2.2"}, "TIMEOUT"]}
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from tools.mail.auth.resolver import NoSuchName, TemporaryFailure

MAX_ALIASES = 8

Failure = Literal["TIMEOUT", "SERVFAIL"]
FAILURES: tuple[str, ...] = get_args(Failure)
ASKED_FOR = ("TXT", "A", "AAAA", "MX", "PTR")
T = TypeVar("T")


def _several(records: object) -> object:
    """One record may stand without its list."""
    return records if not isinstance(records, str) or records in FAILURES else (records,)


def _pairs(records: object) -> object:
    """So may one MX record, which is a pair itself."""
    match records:
        case [int(), str()]:
            return (records,)
    return _several(records)


def _pair(record: object) -> object:
    """An MX record may be written as in a zone file: `10 mx.example.com`."""
    return record.split() if isinstance(record, str) else record


def _single(records: object) -> object:
    """An alias has no other beside it (RFC 2181 section 10.1)."""
    match records:
        case []:
            return ""
        case [record]:
            return record
    return records


_Texts = Annotated[tuple[str | tuple[str, ...], ...] | Failure, BeforeValidator(_several)]
_Names = Annotated[tuple[str, ...] | Failure, BeforeValidator(_several)]
_Exchange = Annotated[tuple[int, str], BeforeValidator(_pair)]
_Exchanges = Annotated[tuple[_Exchange, ...] | Failure, BeforeValidator(_pairs)]
_Alias = Annotated[str, BeforeValidator(_single)]


class Records(BaseModel):
    """What a name has, or how asking for it fails."""

    model_config = ConfigDict(frozen=True)

    txt: _Texts = Field((), alias="TXT")
    a: _Names = Field((), alias="A")
    aaaa: _Names = Field((), alias="AAAA")
    mx: _Exchanges = Field((), alias="MX")
    ptr: _Names = Field((), alias="PTR")
    cname: _Alias = Field("", alias="CNAME")


def _by_type(found: object) -> object:
    """A name's records as Records wants them, whichever way they are written."""
    match found:
        case str() if found not in FAILURES:
            return {"TXT": found}
        case dict():
            return _in_text({str(kind).upper(): value for kind, value in found.items()})
        case list():
            failing = [entry for entry in found if entry in FAILURES]
            return dict.fromkeys(ASKED_FOR if failing else (), *failing[:1]) | _in_text(_one_by_one(found))
    return found


def _one_by_one(entries: list[Any]) -> dict[str, Any]:
    """The records of a list that has one in each entry; a text needs no type."""
    records: dict[str, Any] = {}
    for entry in entries:
        if entry not in FAILURES:
            for kind, value in entry.items() if isinstance(entry, dict) else (("TXT", entry),):
                records.setdefault(str(kind).upper(), []).append(value)
    return records


def _in_text(records: dict[str, Any]) -> dict[str, Any]:
    """SPF in TXT, where alone it is looked for (RFC 7208 section 3.1)."""
    spf = records.pop("SPF", ())
    if records.setdefault("TXT", spf) in ("NONE", ["NONE"], ()):
        del records["TXT"]
    return records


_NAMES = TypeAdapter(dict[str, Records | Failure])


class Zone:
    """A Resolver that knows the names it was given, and no other."""

    def __init__(self, names: Mapping[str, object]) -> None:
        """Raises ValueError for anything but names with records."""
        try:
            records = _NAMES.validate_python({name: _by_type(found) for name, found in names.items()})
        except ValidationError as error:
            raise ValueError(_said(error)) from error
        self._records = {_plain(name): found for name, found in records.items()}
        # RFC 8020: a name with names below it exists, records or not
        self._parents = {parent for name in self._records for parent in _parents(name)}

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises ValueError for what is not JSON, or not names with records."""
        try:
            return cls(TypeAdapter(dict[str, object]).validate_json(text))
        except ValidationError as error:
            raise ValueError(_said(error)) from error

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


def _said(error: ValidationError) -> str:
    """In one line what is wrong, and at which name."""
    first = error.errors()[0]
    where = first["loc"][:1] + tuple(kind for kind in first["loc"][1:] if kind in ASKED_FOR)
    return ": ".join((" ".join(map(str, where)), first["msg"])) if where else first["msg"]
