"""A private Postfix on loopback: its own configuration, queue and mail folders, one virtual domain with Maildirs."""

import asyncio
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import eventually, missing, program

DOMAIN = "office.example"
PEOPLE = ("bea", "boss", "gone", "later")
"""Mailboxes of the domain. For `gone` delivery fails after the mail was accepted; `later` is told to come back."""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
meta_directory = /etc/postfix
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtpd_peername_lookup = no
local_recipient_maps =
alias_maps =
biff = no
smtp_line_length_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
    check_recipient_access inline:{{{{later@{domain} = 450 4.7.1 Greylisted, come back later}}}}
transport_maps = inline:{{{{gone@{domain} = failing:}}, {{agents.example = smtp:[127.0.0.1]:{gatepost}}}}}
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{{people}}}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
failing unix - n n - - pipe user=nobody argv=/bin/sh -c {{exit 67}}
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A Postfix that runs."""

    folder: Path
    port: int

    def mails(self, person: str) -> list[bytes]:
        """What lies in somebody's Maildir, with CRLF line ends."""
        files = sorted((self.folder / "mail" / person / "new").glob("*"))
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]

    async def mail_for(self, person: str, holding: bytes = b"") -> bytes:
        """The first mail for somebody that holds these bytes, waiting for it."""

        def found() -> list[bytes]:
            return [mail for mail in self.mails(person) if holding in mail]

        await eventually(found, 30)
        return found()[0]

    async def submit(self, raw: bytes, sender: str, recipient: str) -> None:
        """Hand a mail in with Postfix's own sendmail(1); `raw` has CRLF line ends."""
        process = await asyncio.create_subprocess_exec(
            program("sendmail"), "-C", str(self.folder / "etc"), "-i", "-f", sender, recipient, stdin=subprocess.PIPE
        )
        async with asyncio.timeout(30):
            await process.communicate(raw.replace(b"\r\n", b"\n"))
        assert process.returncode == 0


@asynccontextmanager
async def postfix(
    gatepost_port: int, port: int, *, parameters: Sequence[str] = (), services: Sequence[str] = ()
) -> AsyncIterator[Postfix]:
    """Run a Postfix that listens on `port` and relays mail for agents.example to Gatepost.

    `parameters`, each as "name = value", take the place of those in main.cf; `services` are more lines of master.cf.
    """
    postfix_program = program("postfix")
    if os.geteuid() != 0:
        missing("root, to start a Postfix")
    # not below pytest's own folder: the user postfix may not enter that
    folder = Path(tempfile.mkdtemp(prefix="gatepost-postfix-"))
    try:
        _configure(folder, port, gatepost_port)
        if parameters:
            # not simply added: each program would warn of it, and postlogd cannot log before it runs
            subprocess.run([program("postconf"), "-c", str(folder / "etc"), "-e", *parameters], check=True)
        with (folder / "etc" / "master.cf").open("a") as master:
            master.writelines(f"{service}\n" for service in services)
        process = await asyncio.create_subprocess_exec(
            postfix_program, "-c", str(folder / "etc"), "start-fg", stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            await eventually(lambda: process.returncode is not None or listens("127.0.0.1", port), 30)
            assert process.returncode is None, (folder / "log").read_text()
            yield Postfix(folder, port)
        finally:
            await _stop(folder, process)
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """A loopback port below those that Linux gives out itself: no connection takes it until a server is up."""
    while listens("127.0.0.1", port := random.randrange(20_000, 32_000)):
        pass
    return port


def _configure(folder: Path, port: int, gatepost_port: int) -> None:
    nobody = pwd.getpwnam("nobody")
    folder.chmod(0o755)
    for name, user in (("etc", "root"), ("spool", "root"), ("data", "postfix"), ("mail", "nobody")):
        (folder / name).mkdir()
        shutil.chown(folder / name, user)
    people = ", ".join(f"{{{person}@{DOMAIN} = {person}/}}" for person in PEOPLE)
    main = _MAIN.format(
        folder=folder, domain=DOMAIN, people=people, uid=nobody.pw_uid, gid=nobody.pw_gid, gatepost=gatepost_port
    )
    (folder / "etc" / "main.cf").write_text(main)
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port))


def listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


async def _stop(folder: Path, process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        os.kill(int((folder / "spool" / "pid" / "master.pid").read_text()), signal.SIGTERM)
    async with asyncio.timeout(20):
        await process.wait()
