"""Run one command of the cluster's tools: with a deadline, a bound on what it says, and nothing left behind."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.collectors.pacemaker.xml import BOUNDS
from gateway.model.errors import SourceMalformed, SourceUnavailable

MAX_ERROR_BYTES = 16 * 1024
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Output:
    """What a command said."""

    status: int
    stdout: bytes
    stderr: str


async def run_command(words: tuple[str, ...], timeout_s: float, max_bytes: int = BOUNDS.size) -> Output:
    """
    Run a command to its end, in a process group of its own that dies with the deadline or a cancellation.

    Raises:
        SourceUnavailable: it cannot be started, or has not ended after `timeout_s`.
        SourceMalformed: it wrote more than `max_bytes`.
    """
    process = await _started(words)
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr, status = await asyncio.gather(
                _read(process.stdout, max_bytes, words[0]), _read_some(process.stderr), process.wait()
            )
    except TimeoutError as error:
        raise SourceUnavailable(f"{words[0]} gave no answer in {timeout_s:g} s.") from error
    finally:
        await _end(process)
    return Output(status, stdout, stderr.decode("utf-8", "replace").strip())


async def _started(words: tuple[str, ...]) -> asyncio.subprocess.Process:
    """Start it; a cancellation meanwhile waits for the start, which is quick, and then kills it with its children."""
    starting = asyncio.ensure_future(_start(words))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(SourceUnavailable):
            await _end(await starting)
        raise


async def _start(words: tuple[str, ...]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(os.environ),
            start_new_session=True,
        )
    except OSError as error:
        raise SourceUnavailable(
            f"{words[0]} cannot be run: {error.strerror or error}. Install it, or give its full path in the settings."
        ) from error


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Ours, with times in UTC and messages in English; /usr/sbin is where the tools live."""
    path = environ.get("PATH", "/usr/bin:/bin")
    return {**environ, "TZ": "UTC", "LC_ALL": "C", "PATH": f"{path}:/usr/sbin:/sbin"}


async def _read(stream: asyncio.StreamReader | None, most: int, what: str) -> bytes:
    chunks, size = [], 0
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        size += len(chunk)
        if size > most:
            raise SourceMalformed(f"{what} wrote more than {most} octets.")
        chunks.append(chunk)
    return b"".join(chunks)


async def _read_some(stream: asyncio.StreamReader | None) -> bytes:
    """All of it, of which the beginning is kept."""
    kept = b""
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        kept = (kept + chunk)[:MAX_ERROR_BYTES]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the process group, and reap it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    # The pipes first of all: a second cancellation may end the wait, and a grandchild that left the group may hold them
    # open. Not the transport itself: it would reap the process before asyncio's watcher does, which warns of that.
    transport = getattr(process, "_transport", None)
    for descriptor in (1, 2):
        pipe = transport.get_pipe_transport(descriptor) if transport is not None else None
        if pipe is not None:
            pipe.close()
    await process.wait()
