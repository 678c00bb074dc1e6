"""HTTPS to hosts that a stranger names: the one way to ask them, within bounds."""

import ssl
from asyncio import timeout
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from httpx2 import URL, AsyncClient, ConnectError, InvalidURL, Request, Response

from server.delivery.names import Names, absolute

PORT = 443
MOST_URL = 2048


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL in parts: the host's name as the DNS has it, and path and query as they go on the wire."""

    host: str
    port: int
    target: bytes


def endpoint(text: str) -> Endpoint | None:
    """Of an https URL; None for anything else, and where it has credentials."""
    try:
        url = URL(text) if len(text) <= MOST_URL else URL()
    except InvalidURL:
        return None
    port = url.port or PORT
    if url.scheme != "https" or not url.raw_host or url.userinfo or port > 0xFFFF:
        return None
    return Endpoint(url.raw_host.decode("ascii"), port, url.raw_path)


class Https:
    """Nothing is taken from the environment, no proxy and no credentials; no redirect is followed, no cookie kept."""

    def __init__(self, names: Names, context: ssl.SSLContext, seconds: float) -> None:
        """`names` keeps us from inner hosts. `context` checks the certificate. `seconds` bound a request."""
        self._names = names
        self._context = context
        self._seconds = seconds

    @asynccontextmanager
    async def ask(
        self, method: str, where: Endpoint, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[Response]:
        """The reply, of which the head has come: who wants the rest reads it in the block, and bounds it.

        Raises HTTPError, DNSException, OSError.
        """
        async with timeout(self._seconds):
            addresses = (await self._names.addresses(absolute(where.host))).addresses
            transport = httpx2.AsyncHTTPTransport(verify=self._context, trust_env=False)
            async with AsyncClient(transport=transport, timeout=self._seconds, trust_env=False) as client:
                requests = [_request(method, where, address, headers, content) for address in addresses]
                response = await _first(client, where.host, requests)
                try:
                    yield response
                finally:
                    await response.aclose()


def _request(method: str, where: Endpoint, address: str, headers: Mapping[str, str], content: bytes | None) -> Request:
    # the address is ours to choose, or a stranger's DNS could point us at an inner host between two looks; the name is
    # the certificate's. Not compressed, as little could then become any number of bytes.
    url = URL(scheme="https", host=address, port=where.port, raw_path=where.target)
    host = where.host if where.port == PORT else f"{where.host}:{where.port}"
    own = {"Host": host, "User-Agent": "Gatepost", "Accept-Encoding": "identity"}
    return Request(method, url, headers={**own, **headers}, content=content, extensions={"sni_hostname": where.host})


async def _first(client: AsyncClient, host: str, requests: Sequence[Request]) -> Response:
    """The reply of the first address that can be connected to."""
    for request in requests:
        try:
            return await client.send(request, stream=True, follow_redirects=False)
        except ConnectError:
            if request is requests[-1]:
                raise
    raise OSError(f"{host} has no address")
