"""Signed mail and the DNS that proves it: a sender with SPF, DKIM and DMARC, behind a resolver on loopback."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import uvloop

from bench.peers import DOMAIN
from bench.relay import Client
from server.delivery.dkim import Signer, dns_records, generate_keys

SENDER_DOMAIN = "far.example"
SELECTOR = "s1"
RECIPIENT = f"ada@{DOMAIN}"


class Bringer(Client):
    """Brings mail over one kept connection, pipelined."""

    sender, recipient = f"bea@{SENDER_DOMAIN}", RECIPIENT


class Sender:
    """A domain that signs with RSA-2048, and what its DNS says."""

    def __init__(self) -> None:
        keys = generate_keys(None)
        self._signer = Signer(SENDER_DOMAIN, SELECTOR, keys, None, wanted="rsa")
        rsa, _ = dns_records(keys, None)
        self.records = {
            SENDER_DOMAIN: "v=spf1 ip4:127.0.0.0/8 -all",
            f"{SELECTOR}r._domainkey.{SENDER_DOMAIN}": rsa,
            f"_dmarc.{SENDER_DOMAIN}": "v=DMARC1; p=reject",
        }

    def mails(self, count: int, size: int) -> list[bytes]:
        """Signed mails of some `size` bytes, ready for the wire; no two with one Message-ID."""
        stamp = time.time_ns()
        return [self._mail(f"{stamp}.{number}", size) for number in range(count)]

    def _mail(self, name: str, size: int) -> bytes:
        head = (
            f"From: Bea <bea@{SENDER_DOMAIN}>\r\nTo: Ada <{RECIPIENT}>\r\nSubject: Report {name}\r\n"
            f"Date: Fri, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{name}@{SENDER_DOMAIN}>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        ).encode()
        line = b"All the words of a mail that people write, one line after another, 72 ch.\r\n"
        return self._signer.sign(head + line * ((size - len(head)) // len(line)), time.time_ns() // 1000) + b".\r\n"


def bring(port: int, mails: list[bytes], sessions: int) -> int:
    """Bring the mails over so many connections; their number."""
    uvloop.run(_bring(port, iter(mails), sessions))
    return len(mails)


async def _bring(port: int, mails: Iterator[bytes], sessions: int) -> None:
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(sessions)]
    for end in ends:
        await loop.create_connection(partial(Bringer, "", mails, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
