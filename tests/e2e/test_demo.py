"""`gatepost demo` as a newcomer without a terminal runs it: it plays the person too, and ends well."""

import os
import pty
import signal
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


def test_at_a_terminal_it_waits_for_the_person_and_ctrl_c_ends_it_in_good_order() -> None:
    terminal, stdin = pty.openpty()
    command = [sys.executable, "-u", "-m", "gatepost", "demo"]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None and demo.stderr is not None
        try:
            # ends with the demo's own deadlines if the line never comes
            for line in demo.stdout:
                if "waits for you" in line:
                    break
            demo.send_signal(signal.SIGINT)
            rest, errors = demo.communicate(timeout=30)
        finally:
            demo.kill()
    os.close(terminal)
    os.close(stdin)
    assert (demo.returncode, errors) == (0, "") and "the temporary folder is gone" in rest
