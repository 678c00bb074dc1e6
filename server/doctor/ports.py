"""Whether the ports are ours: served by Gatepost, or free for it."""

import asyncio

from server.doctor.finding import Finding
from server.listening import fix, open_socket, why
from server.settings import Settings, hosts_of
from tools.mail.network import is_within

SECONDS = 2.0
MOST = 4096
_HEALTH = b"GET /healthz HTTP/1.0\r\n\r\n"


async def examine_ports(settings: Settings) -> list[Finding]:
    """A finding for each port that this process would listen on."""
    found = []
    if "web" in settings.roles:
        found.append(await _port("HTTP", settings.http_host, settings.http_port, _HEALTH))
    if "inbound" in settings.roles:
        for host in hosts_of(settings.smtp_host):
            # to a load balancer nothing is said before its header
            silent = is_within(_target(host), settings.inbound.proxies)
            found.append(await _port("SMTP", host, settings.smtp_port, None if silent else b""))
    if "submission" in settings.roles and settings.submission_port is not None:
        for host in hosts_of(settings.submission_host):
            found.append(await _port("submission", host, settings.submission_port, b""))
    return found


async def _port(name: str, host: str, port: int, request: bytes | None) -> Finding:
    """Whether we answer at the port, or could listen there. `request`: what we answer to; None is not asked."""
    where = _where(name, host, port)
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(_target(host), port)
    except (OSError, TimeoutError):
        return _free(name, host, port)
    try:
        said = await _said(reader, writer, request)
    finally:
        writer.close()
    if _is_another(said):
        what = f"{where} is taken by another program: {_line(said)}"
        return Finding("fail", what, f"Stop it ('ss -ltnp sport = {port}' names it), or choose another port.")
    return Finding("ok", f"{where} is served")


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes | None) -> bytes:
    """What the other side says, as far as it says it in time; nothing if it is not asked."""
    said = b""
    try:
        async with asyncio.timeout(SECONDS):
            while request is not None and len(said) < MOST:
                if not said:
                    writer.write(request)
                piece = await reader.read(MOST)
                said += piece
                if not piece or (not request and b"\n" in said):
                    break
    except (OSError, TimeoutError):
        pass
    return said


def _is_another(said: bytes) -> bool:
    """Whether something else speaks. Who is silent, or has too many connections, may well be ours."""
    if said.startswith(b"HTTP/"):
        return (b" 200 " in said[:16] and b'{"status":"ok"}' not in said) or b" 404 " in said[:16]
    return said.startswith(b"220") and b"Gatepost" not in said


def _line(said: bytes) -> str:
    return said.split(b"\r\n")[0][:80].decode("ascii", "replace").strip()


def _where(name: str, host: str, port: int) -> str:
    return f"{name} port {host}:{port}"


def _target(host: str) -> str:
    """An address that stands for all of them cannot be connected to everywhere."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _free(name: str, host: str, port: int) -> Finding:
    where = _where(name, host, port)
    try:
        with open_socket(host, port):
            return Finding("ok", f"{where} is free")
    except OSError as error:
        return Finding("fail", f"{where} cannot be opened: {why(error)}", fix(name.lower(), port, error))
