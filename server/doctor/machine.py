"""What the machine gives: room on the disk, open files, and a data folder that is ours alone."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from server import files
from server.doctor.finding import Finding
from server.secret import FILE as SECRET_FILE
from server.settings import DATABASE, Settings

LEAST = 256 * 2**20
LITTLE = 2 * 2**30
"""Bytes free on the disk of the data folder."""
PRIVATE = 0o077


def examine_limits(settings: Settings) -> list[Finding]:
    """Whether the connections that the settings allow fit into the files that may be open."""
    allowed = files.most()
    wanted = settings.web.connections, settings.inbound.connections
    bound = settings.web.bounds(allowed).connections, settings.inbound.bounds(allowed).connections
    if bound == wanted:
        return [Finding("ok", f"open files: {allowed} may be open at a time")]
    what = (
        f"open files: {allowed} may be open at a time, so HTTP takes {bound[0]} connections of {wanted[0]}, "
        f"SMTP {bound[1]} of {wanted[1]}"
    )
    return [Finding("warn", what, "Raise the hard limit ('LimitNOFILE=65536' in a systemd unit, 'ulimit -Hn').")]


def examine_folder(data: Path) -> list[Finding]:
    """The data folder, what lies in it, and the room there is for more."""
    return [_folder(data), *_files(data), _room(data)]


def _folder(path: Path) -> Finding:
    if path.stat().st_mode & PRIVATE:
        return Finding("warn", f"data: others on this machine can look into {path}", f"Run 'chmod 700 {path}'.")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        what = f"data: {path} cannot be written to"
        return Finding("fail", what, "Give it to the user that runs Gatepost ('chown -R'), or mount it writable.")
    return Finding("ok", f"data: only its owner can look into {path}")


def _files(data: Path) -> Iterator[Finding]:
    """The secret, and what is wrong with the database; what else there is lies behind the folder's own door."""
    for name, path in (("secret", data / SECRET_FILE), ("data", data / DATABASE), ("data", data / "blobs")):
        if not path.exists():
            continue
        if not os.access(path, os.R_OK if name == "secret" else os.R_OK | os.W_OK):
            what = f"{name}: {path} is closed to the user that runs this"
            fix = "Give it to the user that runs Gatepost ('chown'), and run no command as another."
            yield Finding("fail", what, fix)
        elif path.is_file() and path.stat().st_mode & PRIVATE:
            yield Finding("fail", f"{name}: others on this machine can read {path}", f"Run 'chmod 600 {path}'.")
        elif name == "secret":
            yield Finding("ok", f"secret: only its owner can read {path}")


def _room(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    what = f"disk: {free // 2**20:,} MiB are free for {data}"
    if free >= LITTLE:
        return Finding("ok", what)
    fix = "Make room: without it mail that arrives is answered 451, and nothing can be sent."
    return Finding("warn" if free >= LEAST else "fail", what, fix)
