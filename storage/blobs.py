"""Raw mail too large for a row, in files named by their SHA-256."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

from storage.errors import Damaged, Missing, Unavailable

INLINE = 256 * 1024
"""Up to this many bytes a mail lies in the database itself."""
UNFINISHED = "new-"
"""How the name of a file begins that is being written."""


class Blobs:
    """A folder of files `ab/abcdef…`, written once and never changed; the time of each says when it was stored last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> str:
        """Store durably and return the name. Raises Unavailable when the disk refuses."""
        return await asyncio.to_thread(self._put, data)

    async def drop(self, name: str, unused_seconds: float) -> bool:
        """Delete a blob; False, and it stays, when it was stored within that time. Raises Unavailable."""
        return await asyncio.to_thread(self._drop, name, unused_seconds)

    async def sweep(self, unused_seconds: float) -> int:
        """Delete what a process that died was writing, if nobody touched it within that time; how many. Raises
        Unavailable."""
        return await asyncio.to_thread(self._sweep, unused_seconds)

    async def get(self, name: str) -> bytes:
        """The bytes of a blob. Raises Missing when they are gone, Damaged when they differ, Unavailable."""
        return await asyncio.to_thread(self._get, name)

    def _put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        try:
            if not _touched(path):
                self._write(path, data)
        except OSError as error:
            raise Unavailable(f"cannot store a large mail: {error.strerror}") from error
        return name

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # not beside it: what is left of it is looked for in one folder, and not in all
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError:
            # what a full disk cut off would keep it full; another process may have swept it, if this one stood still
            Path(temporary).unlink(missing_ok=True)
            raise
        for folder in (path.parent, self._folder):
            _sync_folder(folder)

    def _drop(self, name: str, unused_seconds: float) -> bool:
        """Put aside, look at its age, delete: who stores it again in between finds it gone, or has made it young."""
        path = self._path(name)
        aside = path.with_suffix(".gone")
        try:
            if not aside.exists():
                if _age(path) < unused_seconds:
                    return False
                path.replace(aside)
            if _age(aside) < unused_seconds:
                aside.replace(path)
                return False
            aside.unlink()
        except FileNotFoundError:
            return True
        except OSError as error:
            raise Unavailable(f"a stored mail cannot be deleted: {error.strerror}") from error
        return True

    def _sweep(self, unused_seconds: float) -> int:
        swept = 0
        try:
            for path in self._folder.glob(f"{UNFINISHED}*"):
                # another process that shares the folder may be writing it, or sweeping too
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file() and _age(path) >= unused_seconds:
                        path.unlink()
                        swept += 1
        except OSError as error:
            raise Unavailable(f"an unfinished file cannot be deleted: {error.strerror}") from error
        return swept

    def _get(self, name: str) -> bytes:
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError as error:
            # a folder with nothing in it is a volume that is not mounted: that mends, and then all of it is there
            here = self._folder.is_dir() and any(self._folder.iterdir())
            raise (Missing if here else Unavailable)(f"a stored mail is missing: {name}") from error
        except OSError as error:
            raise Unavailable(f"a stored mail cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != name:
            raise Damaged(f"a stored mail is damaged: {name}")
        return data

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _touched(path: Path) -> bool:
    """Make a blob young, as it is needed from now on; False where there is none."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _age(path: Path) -> float:
    """Seconds since a blob was stored last."""
    return time.time() - path.stat().st_mtime


def _sync_folder(folder: Path) -> None:
    # a new file is durable only when the folder that names it is (promises: A2)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
