"""Where addresses are, by a MaxMind DB file that the operator brings."""

import os
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from server.settings import Settings, SettingsError
from tools.context import Regions

if TYPE_CHECKING:
    from maxminddb import Reader

log = structlog.get_logger("gatepost.regions")


def regions_of(settings: Settings) -> Regions | None:
    """The rule about regions; None without a file. Raises SettingsError when its library is not installed."""
    if settings.region_file is None:
        return None
    try:
        import maxminddb  # noqa: F401
    except ImportError as error:
        raise SettingsError("region_file needs its library: pip install 'gatepost[region]'.") from error
    places = Places(settings.region_file)
    return Regions(places.of, frozenset(settings.regions_allowed), frozenset(settings.regions_denied))


class Places:
    """The file, read again when another takes its place. What cannot be read knows no address: mail is held then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._reader: Reader | None = None

    def of(self, address: str) -> tuple[str, ...]:
        """The country's ISO 3166-1 code, and by 3166-2 the parts that are known, such as `("UA", "UA-43")`."""
        self._refresh()
        if self._reader is None:
            return ()
        try:
            ip = ip_address(address)
            mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
            return _places(self._reader.get(mapped or ip))
        except Exception as error:
            # whatever is wrong with the file or the address: it is not known where that is
            log.warning("an address cannot be placed", file=str(self._path), error=type(error).__name__)
            return ()

    def _refresh(self) -> None:
        """Open the file if it is another than before; what is wrong with it is said once."""
        seen: tuple[int, ...]
        try:
            state = self._path.stat()
            seen = (state.st_ino, state.st_size, state.st_mtime_ns)
        except OSError:
            seen = (0,)
        if seen != self._seen:
            self._seen = seen
            self._reader = _opened(self._path)


def _opened(path: Path) -> "Reader | None":
    from maxminddb import MODE_MEMORY, open_database

    try:
        # in memory: a mapped file that somebody truncates would end the process
        return open_database(os.fspath(path), MODE_MEMORY)
    except Exception as error:
        log.error("the region file cannot be read; what is handed in is held", file=str(path), error=str(error))
        return None


def _places(record: object) -> tuple[str, ...]:
    """The codes of a record in the shape of GeoLite2 Country or City."""
    if not isinstance(record, dict):
        return ()
    country = _code(record.get("country"))
    parts = record.get("subdivisions")
    codes = [_code(part) for part in parts] if isinstance(parts, list) else []
    return (country, *(f"{country}-{code}" for code in codes if code)) if country else ()


def _code(named: object) -> str:
    code = named.get("iso_code") if isinstance(named, dict) else None
    return code if isinstance(code, str) else ""
