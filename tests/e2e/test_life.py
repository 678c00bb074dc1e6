"""One full life of a held mail with an edit: as the agent sees it, and as the audit shows it; -s prints both."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from server.demo.agent import Agent
from server.demo.person import approve, link_in
from tests.conftest import eventually
from tests.e2e.gatepost_process import MAILBOX, OVERSEER, Gatepost, command, run, served
from tests.fakes.smtp_server import FakeSMTPServer

TO = "bea@example.com"
MAIL = {"to": [TO], "subject": "The price", "markdown": "Dear Bea,\n\nit costs **5 EUR**."}
EDITED = "Dear Bea,\n\nit costs **7 EUR**."


@asynccontextmanager
async def agent_of(gatepost: Gatepost) -> AsyncIterator[Agent]:
    """An agent whose runtime starts `gatepost mcp` and talks MCP with it on its standard streams."""
    program, *arguments = command("mcp", "--url", gatepost.url, "--key", gatepost.key)
    async with Client(stdio_client(StdioServerParameters(command=program, args=arguments))) as client:
        yield Agent(client)


class EditForm(HTMLParser):
    """The fields of the approval page's form for an edit, as a browser would send them unchanged."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self._writing = ""
        self.feed(page)

    @property
    def fields(self) -> dict[str, str]:
        return next(form for form in self.forms if form.get("action") == "edit")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
        elif tag in ("input", "button", "textarea") and "name" in given:
            self.forms[-1][given["name"]] = given.get("value", "")
            self._writing = given["name"] if tag == "textarea" else ""

    def handle_data(self, data: str) -> None:
        if self._writing:
            # the first line break after the tag is not part of the text
            self.forms[-1][self._writing] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        self._writing = ""


async def edit(link: str, **changes: str) -> str:
    """Change the mail on its page as the overseer; the link of the page that shows it edited."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    async with httpx2.AsyncClient(headers={"Origin": origin}) as browser:
        form = EditForm((await browser.get(link)).text).fields
        assert form["markdown"] == MAIL["markdown"] and form["to"] == TO
        answer = await browser.post(link, data=form | changes)
    assert answer.status_code == httpx2.codes.SEE_OTHER, answer.text
    return urljoin(link, answer.headers["location"])


def letters(remote: FakeSMTPServer, to: str) -> list[str]:
    """The texts of the mails that arrived for somebody."""
    found = [message_from_bytes(raw, policy=SMTP) for raw in remote.messages]
    bodies = [mail.get_body(("plain",)) for mail in found if isinstance(mail, EmailMessage) and mail["To"] == to]
    return [str(body.get_content()) for body in bodies if body is not None]


async def live(gatepost: Gatepost, remote: FakeSMTPServer) -> list[tuple[str, dict[str, Any]]]:
    """The whole life; what the agent did and was told, in order."""
    seen: list[tuple[str, dict[str, Any]]] = []
    async with agent_of(gatepost) as agent:

        async def call(tool: str, **arguments: object) -> dict[str, Any]:
            seen.append((tool, await agent.call(tool, **arguments)))
            return seen[-1][1]

        id_ = (await call("send", **MAIL))["message_id"]
        await call("message_status", message_id=id_)
        await eventually(lambda: letters(remote, OVERSEER))
        link = await edit(link_in(letters(remote, OVERSEER)[0]), markdown=EDITED)
        await call("message_status", message_id=id_)
        await approve(link)
        await eventually(lambda: letters(remote, TO))

        async def sent() -> bool:
            return bool((await agent.call("message_status", message_id=id_))["status"] == "sent")

        await eventually(sent)
        await call("message_status", message_id=id_)
        await call("read_message", message_id=id_)
    return seen


async def test_the_life_of_a_held_mail_with_an_edit(tmp_path: Path) -> None:
    async with FakeSMTPServer() as remote:
        relay = {"route": "relay", "relay_host": "127.0.0.1", "relay_port": remote.port, "relay_tls": "never"}
        async with served(tmp_path / "data", **relay) as gatepost:
            seen = await live(gatepost, remote)
            message_id = seen[0][1]["message_id"]
            audit = json.loads(await run("audit", message_id, "--json", env=gatepost.environment))
            wide = gatepost.environment | {"COLUMNS": "150"}
            printed = (await run("audit", message_id, env=wide)).decode()
            (key,) = gatepost.rows("SELECT id FROM api_key")
            allowed = gatepost.rows("SELECT digest FROM decision WHERE verdict = 'allow'")
            (text,) = letters(remote, TO)
    _print(seen, printed)
    assert "7 EUR" in text and "5 EUR" not in text, "what was approved is what arrived"
    _check_agent(seen)
    first, second = (revision["digest"] for revision in audit["revisions"])
    assert first != second and [row["digest"] for row in allowed] == [second]
    agent, system = f"key {key['id']}", "the system"
    assert [(each["event"], each["by"], each["revision"], each["digest"]) for each in audit["events"]] == [
        ("message.pending_send_approval", agent, 1, first),
        ("approval.pending", system, 1, first),
        ("message.edited", OVERSEER, 2, second),
        ("approval.approved", OVERSEER, 2, second),
        ("delivery.sent", system, None, ""),
        ("message.sent", system, None, ""),
    ]
    assert [each["at"] for each in audit["events"]] == sorted(each["at"] for each in audit["events"])
    assert audit["events"][4]["details"]["recipient"] == TO
    assert (audit["from"], audit["status"]) == (MAILBOX, "sent")
    assert [(each["recipient"], each["outcome"], each["tls"]) for each in audit["attempts"]] == [(TO, "sent", "none")]


def _check_agent(seen: list[tuple[str, dict[str, Any]]]) -> None:
    """What the agent was told at each step, and what it was never told."""
    (_, sent), (_, held), (_, edited), (_, last), (_, read) = seen
    assert sent["status"] == held["status"] == edited["status"] == "pending_send_approval"
    assert sent["next"].startswith("Not sent; do not resend.")
    assert (held["revision"], held["approval"]["approvals"], held["approval"]["changes"]) == (1, "0 of 1", "")
    assert (edited["revision"], edited["approval"]["state"]) == (2, "pending")
    approval = last["approval"]
    assert (last["status"], last["revision"], approval["state"]) == ("sent", 2, "approved")
    assert approval["approvals"] == "1 of 1"
    changed = [line for line in approval["changes"].splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-it costs **5 EUR**.", "+it costs **7 EUR**."]
    assert [(each["recipient"], each["state"]) for each in last["deliveries"]] == [(TO, "sent")]
    assert "7 EUR" in json.dumps(read) and "5 EUR" not in json.dumps(read)
    for _, told in seen:
        assert OVERSEER not in json.dumps(told) and "/approve/" not in json.dumps(told)


def _print(seen: list[tuple[str, dict[str, Any]]], audit: str) -> None:
    """Both views, for a person who runs the test with -s."""
    print("\n== As the agent sees it ==\n")
    for tool, told in seen:
        approval = told.get("approval") or {}
        said = [told.get("status", ""), *(f"{name}: {approval[name]}" for name in ("state", "approvals") if approval)]
        said += [f"{each['recipient']}: {each['reply_untrusted']}" for each in told.get("deliveries", [])]
        print(f"{tool:15} {', '.join(filter(None, said))}")
        for line in (told["next"], *approval.get("changes", "").splitlines()):
            print(f"{'':15} {line}")
    print(f"\n== As the audit shows it ==\n\n{audit}")
