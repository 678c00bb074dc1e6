"""Spam scores from rspamd's normal worker: POST /checkv2, the envelope in header fields, JSON back."""

import json
from urllib.parse import quote

import httpx2

from tools.scanner import Envelope, ScannerFailed

MOST_ANSWER = 1024 * 1024


class Rspamd:
    """A scanner at `url`; connections are kept between mails."""

    name = "rspamd"

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._client = httpx2.AsyncClient(base_url=url, timeout=timeout_seconds, trust_env=False)

    async def score(self, raw: bytes, envelope: Envelope) -> float:
        """`score` of the answer. Raises ScannerFailed."""
        try:
            async with self._client.stream("POST", "/checkv2", content=raw, headers=_headers(envelope)) as answer:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > MOST_ANSWER:
                        raise ScannerFailed("rspamd answers without end")
            if answer.status_code != httpx2.codes.OK:
                raise ScannerFailed(f"rspamd answers {answer.status_code}")
            return float(json.loads(body)["score"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ScannerFailed(f"rspamd: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._client.aclose()


def _headers(envelope: Envelope) -> list[tuple[str, str]]:
    """Header fields that rspamd knows. What is not ASCII is percent-encoded: none of it may break a line."""
    named = (("From", envelope.sender), ("IP", envelope.ip), ("Helo", envelope.helo))
    recipients = (("Rcpt", recipient) for recipient in envelope.recipients)
    return [(name, quote(value, safe="@.+-_=:[]")) for name, value in (*named, *recipients) if value]
