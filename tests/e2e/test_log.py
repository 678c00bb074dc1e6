"""The log of a server: a mail is followed by its id from its way in to its way out, and no word of it is told."""

import json
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from server.demo.person import approve
from tests.e2e.gatepost_process import MAILBOX, OVERSEER, installed
from tests.e2e.smtp_talk import talking

SECRETS = ("a private word", "A private subject", "gp_")


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_a_mail_is_followed_by_its_id(tmp_path: Path, level: str) -> None:
    async with installed(tmp_path, log_level=level) as gatepost:
        await gatepost.start()
        async with talking(gatepost.smtp_port) as talk:
            await talk.greet()
            raw = b"From: bea@example.net\r\nSubject: A private subject\r\n\r\na private word\r\n"
            assert (await talk.mail(raw, MAILBOX)).startswith("250 ")
        stored = await gatepost.logged("mail stored", sender="bea@example.net", recipients=[MAILBOX], ip="127.0.0.1")
        (arrived,) = gatepost.rows("SELECT id FROM message")
        assert stored["messages"] == [arrived["id"]]
        headers = {"Authorization": f"Bearer {gatepost.key}"}
        body = {"to": ["office@example.org"], "subject": "A private subject", "markdown": "a private word"}
        async with httpx2.AsyncClient(base_url=gatepost.url, headers=headers) as http:
            sent = (await http.post(f"/v1/mailboxes/{gatepost.mailbox_id}/send", json=body)).json()
            refused = await http.post(f"/v1/mailboxes/{gatepost.mailbox_id}/send", json=body | {"to": ["nobody"]})
            await http.get("/v1/events", headers={"Authorization": "Bearer gp_wrong"})
        id_ = sent["message_id"]
        await gatepost.logged("asked", operation="send", message_id=id_, status="pending_send_approval")
        await gatepost.logged("asked", refused="invalid_address", request_id=refused.headers["x-request-id"])
        await gatepost.logged("refused", code="invalid_key", ip="127.0.0.1")
        notice = await gatepost.logged("captured a notice", to=OVERSEER)
        await approve(notice["link"])
        await gatepost.logged("decided", action="approve", by=OVERSEER, message_id=id_)
        await gatepost.logged("sent", message=id_)
        await gatepost.stop()
        for line in gatepost.lines:
            assert datetime.fromisoformat(line["timestamp"]) and line["level"] and line["event"]
            told = json.dumps({name: value for name, value in line.items() if name != "link"})
            assert not any(secret in told for secret in SECRETS), told
