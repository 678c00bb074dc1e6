"""A private Exim on loopback, from a Debian package that was only unpacked: Debian installs one mail server at most."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import eventually, missing, program
from tests.e2e.postfix import listens

PROGRAM = os.environ.get("GATEPOST_TEST_EXIM", "")
"""Path of the exim4 of Debian's exim4-daemon-light, wherever it was unpacked."""

_USER = "Debian-exim"
"""Debian's Exim looks this user up before it reads any configuration, and will not start without it."""
_SCRIPT = (
    'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group && exec "$2" -C "$1/exim.conf" -bdf'
)

_MAIN = """\
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/log/pid
deliver_drop_privilege = true
host_lookup =
rfc1413_hosts =
keep_environment =
smtp_accept_queue_per_connection = 0
{main}

begin acl
{acl}

begin routers
everybody:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/all
  create_directory
  return_path_add
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """An Exim that runs."""

    folder: Path

    def mails(self, person: str) -> list[bytes]:
        """What lies in the Maildir (there is one, `all`), with CRLF line ends."""
        files = sorted((self.folder / "mail" / person / "new").glob("*"))
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]


@asynccontextmanager
async def exim(listening: tuple[str, int], main: str, acl: str) -> AsyncIterator[Exim]:
    """Run an Exim that takes mail for anybody. `main` and `acl` are sections of its configuration; what they say of
    interfaces has the address and port of `listening` among them."""
    command = PROGRAM or program("exim4")
    unshare = program("unshare")
    if os.geteuid() != 0:
        missing("root, to start an Exim")
    # not below pytest's own folder: the user that Exim runs as may not enter that
    folder = Path(tempfile.mkdtemp(prefix="gatepost-exim-"))
    try:
        _configure(folder, _MAIN.format(program=command, folder=folder, main=main, acl=acl))
        with (folder / "said").open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *(unshare, "--mount", "sh", "-c", _SCRIPT, "sh", str(folder), command),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            await eventually(lambda: process.returncode is not None or listens(*listening), 30)
            assert process.returncode is None, (folder / "said").read_text()
            yield Exim(folder)
            # who still delivers would write where everything is about to go
            await eventually(lambda: not any((folder / "spool").glob("input/*")), 20)
        finally:
            if process.returncode is None:
                process.terminate()
            async with asyncio.timeout(20):
                await process.wait()
    finally:
        shutil.rmtree(folder)


def _configure(folder: Path, configuration: str) -> None:
    nobody = pwd.getpwnam("nobody")
    folder.chmod(0o755)
    for name in ("spool", "log", "mail"):
        (folder / name).mkdir()
        shutil.chown(folder / name, nobody.pw_uid, nobody.pw_gid)
    (folder / "exim.conf").write_text(configuration)
    # the first line of a name counts
    user = f"{_USER}:x:{nobody.pw_uid}:{nobody.pw_gid}::/nonexistent:/usr/sbin/nologin\n"
    (folder / "passwd").write_text(user + Path("/etc/passwd").read_text())
    (folder / "group").write_text(f"{_USER}:x:{nobody.pw_gid}:\n" + Path("/etc/group").read_text())
