"""`gatepost inspect --zone`: SPF, DKIM, DMARC and ARC of a mail, with the DNS out of a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from server.cli import app
from tests.mail.auth.signing import SECONDS, forwarded, record, signed

ZONE: dict[str, Any] = {
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "sel._domainkey.example.com": {"TXT": [record()]},
    "arc._domainkey.list.example": {"TXT": [record()]},
}
CLIENT = ["--client-ip", "192.0.2.1", "--helo", "mx.example.com", "--mail-from", "ada@example.com"]


def inspect(tmp_path: Path, raw: bytes, *options: str, zone: object = ZONE) -> dict[str, Any]:
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    result = CliRunner().invoke(app, ["inspect", "-", "--zone", str(tmp_path / "zone.json"), *options], input=raw)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_sound_mail_is_of_its_domain(tmp_path: Path) -> None:
    found = inspect(tmp_path, forwarded(signed(), 1), *CLIENT)
    assert found["kind"] == "message"
    assert [found[name]["result"] for name in ("spf", "dkim", "dmarc", "arc")] == ["pass"] * 4
    assert found["verified_domain"] == "example.com" and found["failed"] == []
    (signature,) = found["dkim"]["signatures"]
    assert (signature["domain"], signature["selector"], signature["key_bits"]) == ("example.com", "sel", 2048)
    assert signature["fields"] == ["from", "to", "subject"] and signature["covers_whole_body"]
    assert found["arc"]["sealers"] == ["list.example"]


def test_a_forged_one_is_not(tmp_path: Path) -> None:
    forged = signed().replace(b"Subject: Hello", b"Subject: Pay me")
    found = inspect(tmp_path, forged, "--client-ip", "198.51.100.7", "--mail-from", "ada@example.com")
    assert [found[name]["result"] for name in ("spf", "dkim", "dmarc", "arc")] == ["fail", "fail", "fail", "none"]
    assert found["verified_domain"] == ""


def test_without_a_client_there_is_no_spf(tmp_path: Path) -> None:
    found = inspect(tmp_path, signed())
    assert [found[name]["result"] for name in ("spf", "dkim", "dmarc", "arc")] == ["none", "pass", "pass", "none"]
    found = inspect(tmp_path, signed(), zone={})
    assert [found[name]["result"] for name in ("spf", "dkim", "dmarc", "arc")] == ["none", "permerror", "none", "none"]


def test_one_signature_that_passes_is_enough(tmp_path: Path) -> None:
    found = inspect(tmp_path, b"DKIM-Signature: nonsense\r\n" + signed())
    assert found["dkim"]["result"] == "pass"
    assert [each["result"] for each in found["dkim"]["signatures"]] == ["permerror", "pass"]


def test_a_signature_is_judged_by_the_time_of_arrival(tmp_path: Path) -> None:
    raw = signed({"x": str(SECONDS)})
    assert inspect(tmp_path, raw)["dkim"]["result"] == "fail"
    assert inspect(tmp_path, raw, "--at", "2025-12-31T23:59:59")["dkim"]["result"] == "pass"


def test_without_a_zone_nothing_is_asked() -> None:
    result = CliRunner().invoke(app, ["inspect", "-"], input=signed())
    assert "dkim" not in json.loads(result.stdout)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--client-ip", "192.0.2.1"], "--zone"),
        (["--zone", "none.json"], "No such file"),
        (["--zone", __file__], "not a DNS zone"),
        (["--zone", "none.json", "--client-ip", "here"], "not an IP address"),
    ],
)
def test_options_that_cannot_be_used(options: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["inspect", "-", *options], input=b"", env={"COLUMNS": "300"})
    assert result.exit_code == 2 and words in result.stderr
