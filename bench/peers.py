"""The servers that are measured, each private and on loopback: Postfix, OpenDKIM, Gatepost."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

DOMAIN = "sender.example"
START_SECONDS = 30.0

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
meta_directory = /etc/postfix
maillog_file = /dev/null
maillog_file_prefixes = /dev
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_peername_lookup = no
local_recipient_maps =
alias_maps =
default_process_limit = 100
smtputf8_enable = no
biff = no
{more}
"""
_RELAY = """\
relayhost = [127.0.0.1]:{sink}
smtp_destination_concurrency_limit = 50
initial_destination_concurrency = 20
"""
_MAILDIR = """\
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:{mailbox}/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_mailbox_limit = 0
"""
_OPENDKIM = """\
Syslog no
Mode s
Canonicalization relaxed/relaxed
Domain {domain}
Selector s1
KeyFile {folder}/s1.private
Socket inet:{port}@127.0.0.1
Background no
InternalHosts 127.0.0.1
RequireSafeKeys no
SignatureAlgorithm rsa-sha256
"""
_UNBOUND = """\
server:
  interface: 127.0.0.1
  port: {port}
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  local-zone: "." static
{data}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement: where it takes mail in, and the processes whose CPU counts."""

    port: int
    pids: tuple[int, ...]
    key: str = ""
    """What signs in, as the sender's mailbox; empty where nobody has to."""
    url: str = ""
    mailbox_id: str = ""
    inbound_port: int = 0
    """Where Gatepost takes mail from other servers."""


@contextmanager
def postfix(folder: Path, sink: int, *, milter: int | None = None) -> Iterator[Server]:
    """Postfix with Debian's defaults that relays everything to the sink. Needs root."""
    milters = f"smtpd_milters = inet:127.0.0.1:{milter}" if milter else ""
    with _postfix(folder, _RELAY.format(sink=sink) + milters) as server:
        yield server


@contextmanager
def postfix_maildir(folder: Path) -> Iterator[Server]:
    """Postfix with Debian's defaults that puts mail for `ada` into the maildir `folder`/mail/ada. Needs root."""
    (folder / "mail").mkdir(parents=True)
    os.chown(folder / "mail", 5000, 5000)
    with _postfix(folder, _MAILDIR.format(folder=folder, domain=DOMAIN, mailbox="ada")) as server:
        yield server


@contextmanager
def _postfix(folder: Path, more: str) -> Iterator[Server]:
    port = free_port()
    for name, user in (("etc", "root"), ("spool", "root"), ("data", "postfix")):
        (folder / name).mkdir(parents=True)
        shutil.chown(folder / name, user)
    folder.chmod(0o755)
    (folder / "etc" / "main.cf").write_text(_MAIN.format(folder=folder, domain=DOMAIN, more=more))
    (folder / "etc" / "master.cf").write_text(_master(port))
    with _process("postfix", "-c", str(folder / "etc"), "start-fg") as process:
        _wait_for(port)
        # `postfix start-fg` becomes master(8)
        master = int((folder / "spool" / "pid" / "master.pid").read_text())
        yield Server(port, (master,))
        os.kill(master, signal.SIGTERM)
        process.wait(20)


def _master(port: int) -> str:
    """Debian's services without their chroot, and one port."""
    lines = []
    for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
        fields = line.split()
        if not line.startswith(("#", " ", "\t")) and len(fields) >= 8 and fields[:2] != ["smtp", "inet"]:
            fields[4] = "n"
            lines.append("\t".join(fields))
        elif line[:1].isspace() and lines:
            lines.append(line)
    return "\n".join([*lines, f"127.0.0.1:{port}\tinet\tn\t-\tn\t-\t-\tsmtpd", ""])


@contextmanager
def opendkim(folder: Path) -> Iterator[Server]:
    """OpenDKIM as a milter that signs with RSA-2048."""
    port = free_port()
    folder.mkdir(parents=True)
    subprocess.run(["opendkim-genkey", "-b", "2048", "-d", DOMAIN, "-s", "s1", "-D", str(folder)], check=True)
    (folder / "opendkim.conf").write_text(_OPENDKIM.format(folder=folder, domain=DOMAIN, port=port))
    with _process("opendkim", "-f", "-x", str(folder / "opendkim.conf")) as process:
        _wait_for(port)
        yield Server(port, (process.pid,))


@contextmanager
def gatepost(folder: Path, sink: int | None, preload: Path | None = None, **settings: object) -> Iterator[Server]:
    """Gatepost on SQLite with an autonomous mailbox `ada`; it relays to the sink, or captures where there is none.

    `preload` is a library that the server's process is started with.
    """
    port, web, inbound = free_port(), free_port(), free_port()
    chosen = {
        "data": folder,
        "http_port": web,
        "base_url": f"http://127.0.0.1:{web}",
        "smtp_port": inbound,
        "submission_port": port,
        "submission_plain": True,
        "log_level": "warning",
        "hostname": f"mx.{DOMAIN}",
        **({"route": "relay", "relay_host": "127.0.0.1", "relay_port": sink, "relay_tls": "never"} if sink else {}),
        **settings,
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    environment = own | {f"GATEPOST_{name.upper()}": str(value) for name, value in chosen.items()}
    init = ("init", "--domain", DOMAIN, "--overseer", "boss@example.org", "--mailbox", "ada", "--json")
    made = json.loads(_command(environment, *init))
    _command(environment, "mailbox", "mode", f"ada@{DOMAIN}", "autonomous")
    if preload is not None:
        environment |= {"LD_PRELOAD": str(preload), "SLOW_SYNC_US": "1000"}
    with _process(sys.executable, "-m", "gatepost", "serve", environment=environment) as process:
        _wait_for(port)
        _wait_for(web)
        url = f"http://127.0.0.1:{web}"
        yield Server(port, (process.pid,), made["key"], url, made["mailbox_id"], inbound)


@contextmanager
def unbound(folder: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """A resolver that knows these TXT records and no other name; its address and port."""
    port = free_port()
    folder.mkdir(parents=True)
    values = {
        name: " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255)) for name, text in texts.items()
    }
    data = "\n".join(f"local-data: '{name}. 300 IN TXT {value}'" for name, value in values.items())
    (folder / "unbound.conf").write_text(_UNBOUND.format(folder=folder, port=port, data=data))
    with _process("unbound", "-d", "-c", str(folder / "unbound.conf")):
        _wait_for(port)
        yield f"127.0.0.1:{port}"


@contextmanager
def bare_tool() -> Iterator[Server]:
    """The yardstick of bench/bare_tool.py."""
    port = free_port()
    with _process(sys.executable, str(Path(__file__).with_name("bare_tool.py")), str(port)) as process:
        _wait_for(port)
        yield Server(port, (process.pid,), url=f"http://127.0.0.1:{port}")


@contextmanager
def smtp_sink(count: int, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Postfix's smtp-sink, which ends by itself when it has `count` mails."""
    with _process("smtp-sink", "-u", "nobody", "-M", str(count), f"127.0.0.1:{port}", "1000") as process:
        _wait_for(port)
        yield process


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
        return port


def cpu_seconds(pids: tuple[int, ...]) -> float:
    """CPU used so far by the process trees with these roots, children that have ended included."""
    parents: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(folder.name))
                used[int(folder.name)] = sum(map(int, fields[11:15]))
    total, waiting = 0, [pid for pid in pids if pid in used]
    while waiting:
        pid = waiting.pop()
        total += used[pid]
        waiting += parents.get(pid, [])
    return total / os.sysconf("SC_CLK_TCK")


def _command(environment: dict[str, str], *arguments: str) -> bytes:
    """What a `gatepost` command prints."""
    command = [sys.executable, "-m", "gatepost", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return done.stdout


@contextmanager
def _process(*command: str, environment: dict[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is ended with the block."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.02)
    raise SystemExit(f"Nothing listens on port {port}.")
