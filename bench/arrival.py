"""How long after the 250 an agent that waits for mail has it."""

import asyncio
import statistics
import time

import httpx2
import uvloop

from bench.peers import DOMAIN, Server

RECIPIENT = f"ada@{DOMAIN}"
PAUSE = 0.005
"""Seconds in which the wait gets under way before the mail is brought."""


def latency_p99(server: Server, mails: int) -> float:
    """Milliseconds from reading the 250 to the answer of `wait_for_message`; one mail after another."""
    waits = uvloop.run(_waits(server, mails))
    return statistics.quantiles(waits, n=100)[98] * 1000


async def _waits(server: Server, mails: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.inbound_port)
    waits, newest = [], ""
    headers = {"Authorization": f"Bearer {server.key}"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=60) as http:
        await reader.readline()
        for number in range(mails + 1):
            params = {"timeout_seconds": 30} | ({"after_message_id": newest} if newest else {})
            waiting = asyncio.create_task(http.get(f"/v1/mailboxes/{server.mailbox_id}/wait", params=params))
            await asyncio.sleep(PAUSE)
            await _bring(reader, writer, number)
            durable = time.perf_counter()
            answer = (await waiting).json()
            # an answer that was there before the 250 waited for nothing
            waits.append(max(time.perf_counter() - durable, 0.0))
            newest = answer["messages"][-1]["message_id"]
    writer.close()
    # the first opens the connections and fills the caches
    return waits[1:]


async def _bring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    mail = f"From: bea@far.example\r\nTo: {RECIPIENT}\r\nSubject: Number {number}\r\n\r\nGood morning\r\n.\r\n"
    said = ("EHLO client.example", "MAIL FROM:<bea@far.example>", f"RCPT TO:<{RECIPIENT}>", "DATA", mail.rstrip("\r\n"))
    for text in said:
        writer.write(text.encode() + b"\r\n")
        while (line := await reader.readline())[3:4] == b"-":
            pass
        if line[:1] not in b"23":
            raise SystemExit(line.decode())
