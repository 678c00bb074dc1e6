"""Fetches a domain's MTA-STS policy over HTTPS (RFC 8461 section 3.3)."""

import asyncio
import ssl

import dns.name
import httpx2
from dns.exception import DNSException
from httpx2 import HTTPError, Response

from server.delivery.mta_sts import PolicyError, StsPolicy, read_policy
from server.delivery.names import Names
from server.delivery.tls_report import Result

SECONDS = 30.0
LIMIT = 1 << 16


class FetchError(Exception):
    """No policy was to be had; `result` is what a TLS report calls that."""

    def __init__(self, result: Result, words: str) -> None:
        super().__init__(words)
        self.result = result


class PolicyFetcher:
    """Asks `mta-sts.<domain>`. Nothing is taken from the environment: no proxy, no credentials."""

    def __init__(self, names: Names, context: ssl.SSLContext, *, port: int = 443, seconds: float = SECONDS) -> None:
        """`context` checks the certificate. `seconds` bound the whole of it."""
        self._names = names
        self._context = context
        self._port = port
        self._seconds = seconds

    async def fetch(self, domain: dns.name.Name) -> StsPolicy:
        """Raises FetchError."""
        host = dns.name.from_text("mta-sts", origin=domain)
        try:
            async with asyncio.timeout(self._seconds):
                addresses = (await self._names.addresses(host)).addresses
                body = await self._body(host.to_text(omit_final_dot=True), addresses)
                return read_policy(body.decode())
        except (PolicyError, UnicodeDecodeError) as error:
            raise FetchError("sts-policy-invalid", str(error)) from error
        except (HTTPError, DNSException, OSError) as error:
            bad_certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
            result: Result = "sts-webpki-invalid" if bad_certificate else "sts-policy-fetch-error"
            raise FetchError(result, str(error) or type(error).__name__) from error

    async def _body(self, host: str, addresses: tuple[str, ...]) -> bytes:
        transport = httpx2.AsyncHTTPTransport(verify=self._context, trust_env=False)
        async with httpx2.AsyncClient(transport=transport, timeout=self._seconds, trust_env=False) as client:
            for address in addresses:
                # the address is ours to choose, or a stranger's DNS could point us at an inner host; the name is the
                # certificate's. Not compressed, as 64 KiB could then be any number.
                url = httpx2.URL(scheme="https", host=address, port=self._port, path="/.well-known/mta-sts.txt")
                headers = {"Host": host, "Accept-Encoding": "identity"}
                request = client.build_request("GET", url, headers=headers, extensions={"sni_hostname": host})
                try:
                    response = await client.send(request, stream=True, follow_redirects=False)
                except httpx2.ConnectError:
                    if address == addresses[-1]:
                        raise
                    continue
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        raise FetchError("sts-policy-fetch-error", f"{host} has no address")


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
