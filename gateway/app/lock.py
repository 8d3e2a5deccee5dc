"""The lock of a state folder: one gateway each, however it ends."""

import fcntl
import os
from pathlib import Path

from gateway.model.errors import ConfigError


class StateFolderInUse(ConfigError):
    """Another gateway works in this state folder."""


class StateLock:
    """Held from `acquire` to `release`, or until the process dies (flock(2))."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._file = -1

    def acquire(self) -> None:
        """
        Take the folder.

        Raises:
            StateFolderInUse: another process has it; the message names it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StateFolderInUse(
                f"the state folder {self._path.parent} is in use by process {holder}. "
                "Stop that gateway, or set another gateway.state_dir."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._file = descriptor

    def release(self) -> None:
        """Give the folder back. Harmless when it is not held."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> "StateLock":
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
