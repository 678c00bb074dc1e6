"""The demo's course, step by step, each shown as it happens."""

import asyncio
import os
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dkim
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from policies.modes import Mode
from server import snippets
from server.app import Running, running
from server.demo.agent import Agent, Failed, connected
from server.demo.outside import OFFICE, OVERSEER, Letter, Outside
from server.demo.person import approve, link_in
from server.domains import new_signing_keys, published
from server.settings import Settings
from tools.accounts import create_account, create_mailbox
from tools.context import system_clock
from tools.identity import create_key

DOMAIN = "agents.example"
STEP_SECONDS = 30.0
PERSON_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays."""

    server: Running
    outside: Outside
    account_id: str
    key: str

    @property
    def url(self) -> str:
        return self.server.context.site.base_url


async def demo(*, auto: bool) -> int:
    """Run the demo; the exit status. With `auto` it plays the person too, and ends."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        async with staged() as stage:
            await _play(console, stage, auto=auto)
            if not auto:
                _snippets(console, stage)
                console.print("\nIt goes on running: the office answers whatever you approve. Ctrl-C ends it.")
                await asyncio.Event().wait()
    except (Failed, TimeoutError) as error:
        reason = str(error) or "a step took too long"
        console.print(f"[red]The demo failed:[/red] {escape(reason)}")
        return 1
    except asyncio.CancelledError:
        console.print("\nStopped; the temporary folder is gone.")
    return 0


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """A server in a temporary folder on free ports, whose smart host is the stand-in for the outside world."""
    outside = Outside(system_clock)
    port = await outside.start()
    try:
        with tempfile.TemporaryDirectory(prefix="gatepost-demo-") as folder:
            settings = Settings(
                data=Path(folder),
                http_port=0,
                smtp_port=0,
                hostname=f"mail.{DOMAIN}",
                route="relay",
                relay_host="127.0.0.1",
                relay_port=port,
                relay_tls="never",
            )
            async with running(settings) as server:
                outside.gatepost_port = server.smtp_port
                account_id, key = await _inhabit(server)
                yield Stage(server, outside, account_id, key)
    finally:
        await outside.stop()


async def _inhabit(server: Running) -> tuple[str, str]:
    context = server.context
    account = await create_account(context, DOMAIN, OVERSEER, new_signing_keys(context))
    mailbox = await create_mailbox(context, account.id, "desk", DOMAIN, mode=Mode.GATED_SEND, display_name="Desk")
    key = await create_key(context, account.id, "demo agent", frozenset({"read", "send"}), mailbox.id)
    return account.id, key.text


async def _play(console: Console, stage: Stage, *, auto: bool) -> None:
    _headline(console, stage)
    async with connected(stage.url, stage.key) as agent:
        sent = await _send(console, agent)
        await _decide(console, stage, auto=auto)
        await _deliver(console, stage, agent, sent)
        await _read_reply(console, agent, sent)


def _headline(console: Console, stage: Stage) -> None:
    console.print(Panel.fit("Gatepost demo: an agent writes, a person decides, the answer comes back"))
    console.print(f"Server     {stage.url}  (SMTP on 127.0.0.1:{stage.server.smtp_port}, SQLite, a temporary folder)")
    console.print(f"Mailbox    desk@{DOMAIN}, mode gated_send: a person approves what leaves")
    console.print("Outside    a second mail server on this machine stands in for the rest of the world\n")


async def _send(console: Console, agent: Agent) -> dict[str, Any]:
    _step(console, 1, f"The agent calls send over MCP: a mail to {OFFICE.display_name}, with a table and a file")
    sent = await agent.send_figures()
    if sent["status"] != "pending_send_approval":
        raise Failed(f"the mail should wait for approval and is {sent['status']}")
    _detail(console, f"status  {sent['status']}  ({sent['message_id']})")
    _detail(console, f"why     {' '.join(sent['reasons'])}")
    _detail(console, f"next    {sent['next']}")
    return sent


async def _decide(console: Console, stage: Stage, *, auto: bool) -> None:
    notice = await stage.outside.wait_for(OVERSEER, STEP_SECONDS)
    link = link_in(notice.text())
    _step(console, 2, f"The overseer {OVERSEER} gets a notice with the approval link")
    _detail(console, f"[link={link}]{escape(link)}[/link]")
    if auto:
        _detail(console, "nobody is at the terminal, so the demo plays the person: it opens the page and approves")
        await approve(link)
        return
    _detail(console, "[bold]Open it, look, and approve.[/bold] The demo waits for you.")
    if _has_screen():
        await asyncio.to_thread(webbrowser.open, link)


async def _deliver(console: Console, stage: Stage, agent: Agent, sent: dict[str, Any]) -> None:
    async with asyncio.timeout(PERSON_SECONDS):
        status = await _settled(agent, sent["message_id"])
    if status["status"] == "rejected":
        raise Failed(f"you rejected the mail ({status['approval']['reason'] or 'no reason given'}); run it again")
    if status["status"] != "sent":
        raise Failed(f"the mail should be sent and is {status['status']}")
    letter = await stage.outside.wait_for(OFFICE.addr_spec, STEP_SECONDS)
    _step(console, 3, "Approved, signed and delivered to the other mail server")
    for delivery in status["deliveries"]:
        _detail(console, f"{delivery['recipient']}  {delivery['state']}  {delivery['reply_untrusted']}")
    _detail(console, f"DKIM    {await _signatures(stage, letter)}")


async def _settled(agent: Agent, message_id: str) -> dict[str, Any]:
    """The message's status once it is neither waiting for a person nor under way."""
    while True:
        status = await agent.call("message_status", message_id=message_id)
        if status["status"] not in ("pending_send_approval", "queued"):
            return status
        await asyncio.sleep(0.2)


async def _signatures(stage: Stage, letter: Letter) -> str:
    """Verify each signature as the other side would, against the records that `gatepost dns` prints."""
    zones = await published(stage.server.context, stage.account_id, f"mail.{DOMAIN}")
    texts = {f"{record.name}.".encode(): record.value.encode() for zone in zones for record in zone.records}
    verifier = dkim.DKIM(letter.raw)
    results = []
    for index in range(letter.raw.lower().count(b"dkim-signature:")):
        passed = verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: texts.get(name))
        results.append(f"{verifier.signature_fields[b'a'].decode()} {'pass' if passed else 'FAIL'}")
        if not passed:
            raise Failed("a DKIM signature of the delivered mail does not verify")
    return ", ".join(results)


async def _read_reply(console: Console, agent: Agent, sent: dict[str, Any]) -> None:
    _step(console, 4, "The agent calls wait_for_message; the office's answer arrives")
    arrived = await agent.call("wait_for_message", thread_id=sent["thread_id"], timeout_seconds=30)
    if not arrived["found"]:
        raise Failed("no answer arrived")
    first = arrived["messages"][0]
    _detail(console, f"from    {first['sender']['name_untrusted']} <{first['sender']['email']}>")
    thread = await agent.call("list_thread", thread_id=sent["thread_id"])
    if thread["message_count"] != 2:
        raise Failed(f"the thread should hold two messages and holds {thread['message_count']}")
    _step(console, 5, f"The agent calls list_thread: {thread['message_count']} messages, without what they quote")
    for entry in thread["messages"]:
        title = f"{entry['direction']} · {entry['sender']['email']} · {thread['subject_untrusted']}"
        console.print(Panel(escape(entry["text_untrusted"].strip()), title=escape(title), title_align="left"))


def _snippets(console: Console, stage: Stage) -> None:
    console.print("\nConnect an agent of your own to this server:")
    for heading, text in snippets.every(stage.url, stage.key).items():
        console.print(f"\n[bold]{heading}[/bold]\n{escape(text)}")


def _has_screen() -> bool:
    """Whether a browser would open in a window; one that draws in this terminal would spoil the transcript."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _step(console: Console, number: int, text: str) -> None:
    console.print(f"[bold green]{number}[/bold green]  [bold]{escape(text)}[/bold]")


def _detail(console: Console, text: str) -> None:
    console.print(f"   {text}")
