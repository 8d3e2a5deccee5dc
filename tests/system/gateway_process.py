"""The gateway as a process of its own: configured, started somewhere, asked, restarted, killed, and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.lab.requirements import SEARCH_PATH

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 30.0
ENVIRONMENT = {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"}


class GatewayError(Exception):
    """The gateway did not do what a test needs of it; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway runs. `enter`: argv prefix, asked at each start; `pid_of`: its id seen from outside."""

    enter: Callable[[], Sequence[str]] = list
    pid_of: Callable[[subprocess.Popen[bytes]], int] = field(default=lambda process: process.pid)


class GatewayProcess:
    """`gateway run` with a folder of its own, which goes with `remove`."""

    def __init__(self, place: Place | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gw-"))
        self.state_dir = self.folder / "state"
        self.configuration = self.folder / "gateway.toml"
        self.pid = 0
        self._place = place or Place()
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, toml: str) -> None:
        """Write the configuration; `[gateway] state_dir` is put before it. It counts from the next start."""
        self.configuration.write_text(f'[gateway]\nstate_dir = "{self.state_dir}"\n\n{toml}')
        self.configuration.chmod(0o600)

    # -- life ----------------------------------------------------------------------------------------------

    def start(self, *, ready: bool = True) -> None:
        """
        Start it, and wait until it answers (with `ready`: until it is ready for questions).

        Raises:
            GatewayError: it ended, or takes too long.
        """
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._place.enter(), sys.executable, "-m", "gateway", "run", "--config", str(self.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=ENVIRONMENT,
                start_new_session=True,
            )
        self.pid = self._place.pid_of(self._process)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers("/readyz" if ready else "/healthz"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise GatewayError(f"the gateway is not ready after {START_TIMEOUT_S:.0f} s, or ended:\n{self.log()}")
            time.sleep(0.1)

    def await_sources(self) -> None:
        """
        Wait until every source was read.

        Raises:
            GatewayError: one was not.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (sources := self.get("/sources")["items"]) or any(source["state"] != "ok" for source in sources):
            if time.monotonic() > deadline:
                raise GatewayError(f"not every source was read: {sources}\n{self.log()}")
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """
        End it by a signal, and return its exit status.

        Raises:
            GatewayError: it does not end; it is killed then.
        """
        process = self._process
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, how)
        try:
            status = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise GatewayError(f"the gateway does not end by {how.name}:\n{self.log()}") from None
        self._process = None
        return status

    def kill(self) -> None:
        """SIGKILL: nothing of it can be put in order."""
        if self._process is None:
            return
        for pid in (self.pid, self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)
        self._process = None

    def remove(self) -> None:
        """Kill it when it still runs, and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log_file(self) -> Path:
        return self.folder / "gateway.log"

    def log(self, characters: int = 6000) -> str:
        """The end of what it printed."""
        return self.log_file.read_text(errors="replace")[-characters:] if self.log_file.exists() else ""

    # -- questions -----------------------------------------------------------------------------------------

    def get(self, path: str, **parameters: str | int | bool) -> Any:
        """
        The body of GET `/api/v1` + path, over the UNIX socket.

        Raises:
            GatewayError: any status but 200.
        """
        response = self._get("/api/v1" + path, parameters)
        if response.status_code != 200:
            raise GatewayError(f"GET {path} {parameters}: {response.status_code} {response.text}\n{self.log()}")
        return response.json()

    def items(self, path: str, **parameters: str | int | bool) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=500, **parameters)
            found += page["items"]
            if page["next"] is None:
                return found
            parameters["cursor"] = page["next"]

    def cli(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `gateway WORDS... --config` of this gateway's configuration, outside of its namespaces."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words, "--config", str(self.configuration)],
            capture_output=True,
            text=True,
            input=stdin,
            env=ENVIRONMENT,
            cwd=self.folder,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )

    def _answers(self, path: str) -> bool:
        try:
            return self._get(path, {}).status_code == 200
        except (httpx.HTTPError, OSError):
            return False

    def _get(self, path: str, parameters: dict[str, str | int | bool]) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=str(self.state_dir / "gateway.sock"))
        with httpx.Client(transport=transport, base_url="http://gateway", timeout=ANSWER_TIMEOUT_S) as client:
            return client.get(path, params=parameters)
