"""Whether people and agents get here at `base_url`, through whatever proxy ends TLS before us."""

import asyncio
import ssl
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from server.doctor.certificate import SOON
from server.doctor.finding import Finding
from server.settings import Settings

SECONDS = 5.0
MOST_HEADER = 16 * 1024


async def examine_site(settings: Settings, now: datetime, trust: ssl.SSLContext | None = None) -> list[Finding]:
    """Findings about an HTTPS site; nothing for one without. `trust`: the authorities to believe, or the system's."""
    url = settings.base_url
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return []
    try:
        async with asyncio.timeout(SECONDS):
            until, status = await _asked(parts, trust or ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        what = f"base_url {url}: its certificate is not believed: {error.verify_message}"
        return [Finding("fail", what, "Mend it at the proxy that ends TLS: agents and mail programs refuse it.")]
    except (OSError, TimeoutError, ValueError) as error:
        what = f"base_url {url}: cannot be reached from here: {str(error) or type(error).__name__}"
        return [
            Finding(
                "warn", what, "See that the proxy runs and the name leads to it; some networks allow no way back in."
            )
        ]
    found = [_answer(url, status)]
    if until - now < SOON:
        what = f"base_url {url}: its certificate expires on {until:%Y-%m-%d}"
        found.append(Finding("warn", what, "Renew it at the proxy that ends TLS."))
    return found


async def _asked(site: SplitResult, trust: ssl.SSLContext) -> tuple[datetime, int]:
    """Until when the certificate is valid, and the HTTP status of a page that is there for everybody."""
    reader, writer = await asyncio.open_connection(site.hostname, site.port or 443, ssl=trust, limit=MOST_HEADER)
    try:
        peer = writer.get_extra_info("peercert")
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(peer["notAfter"]), UTC)
        writer.write(f"HEAD /openapi.json HTTP/1.1\r\nHost: {site.netloc}\r\nConnection: close\r\n\r\n".encode())
        line = (await reader.readline()).split()
        return until, int(line[1]) if len(line) > 1 and line[1].isdigit() else 0
    finally:
        writer.close()


def _answer(url: str, status: int) -> Finding:
    if status == 200:
        return Finding("ok", f"base_url {url}: answers, and its certificate is believed")
    if status == 421:
        what = f"base_url {url}: the proxy asks us for another host"
        return Finding("fail", what, "Let the proxy hand on the header field Host as it came.")
    what = f"base_url {url}: answers with status {status or 'of no HTTP'}, and not as Gatepost does"
    return Finding("warn", what, "Start 'gatepost serve', and let the proxy pass every path on to it.")
