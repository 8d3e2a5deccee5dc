"""A PostgreSQL server of our own in a temporary folder: durable as in production, gone after the tests."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from tests.lab.requirements import missing_tools

BINARIES = Path("/usr/lib/postgresql/15/bin")
UNPRIVILEGED_USER = "postgres"
SUPERUSER = "gateway"
FOLDER_PREFIX = "gateway-postgres-"
START_TIMEOUT_S = 60.0


class PostgresError(Exception):
    """The server did not do what it was asked; the message holds the end of its log."""


def missing() -> str | None:
    """Say what keeps PostgreSQL from running here, or None."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is missing: pip install '.[postgresql]'"
    return missing_tools(
        {"initdb": "postgresql-15", "postgres": "postgresql-15", "setpriv": "util-linux"},
        folders=[BINARIES],
    )


class PostgresServer:
    """One server with fsync on, reachable by a UNIX socket (from every namespace) and by loopback."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self._data = self._folder / "data"
        self._log = self._folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self.port = _free_port()

    def start(self) -> None:
        """Make the data folder when there is none, start the server and wait until it answers."""
        if not self._data.exists():
            self._initialise()
        command = [
            str(BINARIES / "postgres"),
            "-D", str(self._data),
            "-c", f"port={self.port}",
            "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={self._folder}",
            "-c", "fsync=on",
            "-c", "max_connections=60",
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_unprivileged(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT rolls back and leaves, SIGQUIT leaves it to crash recovery."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process = None

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database, by the UNIX socket."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self._folder}&port={self.port}"

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The URL of a new empty database, which is dropped on leaving."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED_USER, UNPRIVILEGED_USER)
        # The folder is open so that a gateway that runs as another user finds the socket.
        self._folder.chmod(0o755)
        options = ["-D", str(self._data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        command = [*self._as_unprivileged(), str(BINARIES / "initdb"), *options]
        made = subprocess.run(command, capture_output=True, text=True, cwd=self._folder, check=False)
        if made.returncode:
            raise PostgresError(f"initdb: {made.stdout}{made.stderr}")

    def _as_unprivileged(self) -> Sequence[str]:
        # The server leaves when we are killed: SIGINT is its fast shutdown.
        if os.geteuid() != 0:
            return ["setpriv", "--pdeathsig", "INT", "--"]
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        return [
            "setpriv",
            f"--reuid={account.pw_uid}",
            f"--regid={account.pw_gid}",
            "--clear-groups",
            "--pdeathsig", "INT",
            "--",
        ]  # fmt: skip

    def _wait_until_it_answers(self) -> None:
        import psycopg

        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                self._connect().close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        tail = self._log.read_text(errors="replace")[-2000:]
        raise PostgresError(f"PostgreSQL did not start on port {self.port}:\n{tail}")

    def _connect(self):
        import psycopg

        return psycopg.connect(
            host=str(self._folder),
            port=self.port,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _execute(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement)


def sweep_leftovers() -> None:
    """Delete the folders of servers whose test run was killed and that are gone themselves."""
    for folder in Path(tempfile.gettempdir()).glob(FOLDER_PREFIX + "*"):
        lock = folder / "data" / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            if lock.exists() and Path(f"/proc/{int(lock.read_text().split()[0])}").exists():
                continue
            if time.time() - folder.stat().st_mtime > 3600:
                shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
