"""A whole gateway as its own process, over an estate that is a text file: what the tests of the life cycle drive."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

PROJECT = Path(__file__).parents[2]
THIRD_PARTY = Path(__file__).parent / "thirdparty"

CONFIGURATION = """
[gateway]
state_dir = "state"

[sources.estate]
kind = "estate"
file = "estate.txt"
interval_s = 1

[publishers.snmp]
listen = ["127.0.0.1:0"]

[publishers.rest]
listen = "127.0.0.1:0"
"""


def environment() -> dict[str, str]:
    """That of a process which knows the third party's plug-in, and nothing of the caller's configuration."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GATEWAY_", "STATE_DIRECTORY"))}
    return {**kept, "PYTHONPATH": f"{PROJECT}{os.pathsep}{THIRD_PARTY}"}


class Estate:
    """A folder with a configuration, the estate, and the gateway's state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "gateway.toml"
        self.configure(CONFIGURATION)
        self.place("web alpha", "db beta")

    def configure(self, text: str) -> None:
        self.config.write_text(text)
        self.config.chmod(0o600)

    def place(self, *lines: str, file: str = "estate.txt") -> None:
        (self.folder / file).write_text("".join(f"{line}\n" for line in lines))

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def command(
        self, *arguments: str, config: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        more = ["--config", str(self.config)] if config else []
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments, *more],
            cwd=self.folder,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self, **environ: str) -> "Running":
        return Running(self, environ)


class Running:
    """`gateway run` in a process of its own; its log is a file."""

    def __init__(self, estate: Estate, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        self.estate = estate
        self._log = estate.folder / "log"
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "run", "--config", str(estate.config)],
                cwd=estate.folder,
                env={**environment(), **environ},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "Running":
        self.wait_for_log("gateway: runs as process")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        """What this process has logged."""
        return self._log.read_bytes()[self._begin :].decode()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_log(self, text: str, seconds: float = 30) -> None:
        until(lambda: text in self.log, seconds, lambda: f"no {text!r} in the log:\n{self.log}")

    def wait_until(self, *path: str, said: str, seconds: float = 20) -> None:
        """Ask over the UNIX socket (`"where", "web"`) until the answer holds `said`."""
        transport = httpx.HTTPTransport(uds=str(self.estate.state / "gateway.sock"))
        answers: list[str] = []
        with httpx.Client(transport=transport, base_url="http://gateway/api/v1/") as client:

            def asked() -> bool:
                answers.append(client.get("/".join(path)).text)
                return said in answers[-1]

            until(asked, seconds, lambda: f"no {said!r} in:\n{answers[-1]}\n{self.log}")


def until(holds: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(otherwise())
        time.sleep(0.1)
