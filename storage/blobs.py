"""Raw mail too large for a row, in files named by their SHA-256."""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path

from storage.errors import Damaged, Missing, Unavailable

INLINE = 256 * 1024
"""Up to this many bytes a mail lies in the database itself."""


class Blobs:
    """A folder of files `ab/abcdef…`, written once and never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> str:
        """Store durably and return the name. Raises Unavailable when the disk refuses."""
        return await asyncio.to_thread(self._put, data)

    async def get(self, name: str) -> bytes:
        """The bytes of a blob. Raises Missing when they are gone, Damaged when they differ, Unavailable."""
        return await asyncio.to_thread(self._get, name)

    def _put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        if path.exists():
            return name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
            for folder in (path.parent, self._folder):
                _sync_folder(folder)
        except OSError as error:
            raise Unavailable(f"cannot store a large mail: {error.strerror}") from error
        return name

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


def _sync_folder(folder: Path) -> None:
    # a new file is durable only when the folder that names it is (promises: A2)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
