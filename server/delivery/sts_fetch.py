"""Fetches a domain's MTA-STS policy over HTTPS (RFC 8461 section 3.3)."""

import ssl

import dns.name
from dns.exception import DNSException
from httpx2 import HTTPError, Response

from server.delivery.https import PORT, Endpoint, Https
from server.delivery.mta_sts import PolicyError, StsPolicy, read_policy
from server.delivery.names import Names
from server.delivery.tls_report import Result

SECONDS = 30.0
LIMIT = 1 << 16
PATH = b"/.well-known/mta-sts.txt"


class FetchError(Exception):
    """No policy was to be had; `result` is what a TLS report calls that."""

    def __init__(self, result: Result, words: str) -> None:
        super().__init__(words)
        self.result = result


class PolicyFetcher:
    """Asks `mta-sts.<domain>`."""

    def __init__(self, names: Names, context: ssl.SSLContext, *, port: int = PORT, seconds: float = SECONDS) -> None:
        """`context` checks the certificate. `seconds` bound the whole of it."""
        self._https = Https(names, context, seconds)
        self._port = port

    async def fetch(self, domain: dns.name.Name) -> StsPolicy:
        """Raises FetchError."""
        host = dns.name.from_text("mta-sts", origin=domain).to_text(omit_final_dot=True)
        try:
            async with self._https.ask("GET", Endpoint(host, self._port, PATH), {}) as response:
                body = await _read(response)
            return read_policy(body.decode())
        except (PolicyError, UnicodeDecodeError) as error:
            raise FetchError("sts-policy-invalid", str(error)) from error
        except (HTTPError, DNSException, OSError) as error:
            bad_certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
            result: Result = "sts-webpki-invalid" if bad_certificate else "sts-policy-fetch-error"
            raise FetchError(result, str(error) or type(error).__name__) from error


async def _read(response: Response) -> bytes:
    # section 3.3: only 200 will do, and a redirect must not be followed
    if response.status_code != 200:
        raise FetchError("sts-policy-fetch-error", f"HTTP status {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        raise FetchError("sts-policy-fetch-error", f"not text/plain: {kind[:100]!r}")
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LIMIT:
            raise FetchError("sts-policy-invalid", f"more than {LIMIT} bytes")
    return body
