"""`gatepost demo` as a newcomer without a terminal runs it: it plays the person too, and ends well."""

import subprocess
import sys


def test_the_demo_plays_the_main_job_to_its_end() -> None:
    command = [sys.executable, "-m", "gatepost", "demo"]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for line in ("pending_send_approval", "the demo plays the person", "rsa-sha256 pass, ed25519-sha256 pass"):
        assert line in ran.stdout
    thread = ran.stdout.partition("list_thread: 2 messages")[2]
    assert "Revenue" in thread and "the figures look right" in thread and ran.stderr == ""
