"""Spam scores from SpamAssassin's spamd: the command CHECK of its protocol, SPAMC/1.5, a connection for each mail."""

import asyncio
import re

from tools.scanner import Envelope, ScannerFailed

MOST_ANSWER = 64 * 1024
_OK = re.compile(rb"SPAMD/[0-9.]{1,8} 0 ")
_SPAM = re.compile(rb"^Spam: ?\w{1,8} ?; ?(-?[0-9]{1,5}(?:\.[0-9]{1,5})?) ?/", re.MULTILINE | re.IGNORECASE)


class Spamd:
    """A scanner at `host:port`."""

    name = "spamd"

    def __init__(self, address: str, timeout_seconds: float) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._timeout = timeout_seconds

    async def score(self, raw: bytes, envelope: Envelope) -> float:
        """The number behind `Spam:`. Raises ScannerFailed."""
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._asked(raw)
        except (OSError, TimeoutError) as error:
            raise ScannerFailed(f"spamd: {type(error).__name__}") from error
        found = _SPAM.search(answer)
        if not _OK.match(answer) or found is None:
            raise ScannerFailed("spamd gives no score")
        return float(found.group(1))

    async def _asked(self, raw: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw))
            writer.write(raw)
            await writer.drain()
            answer = b""
            while len(answer) < MOST_ANSWER and (piece := await reader.read(4096)):
                answer += piece
            return answer
        finally:
            writer.close()
