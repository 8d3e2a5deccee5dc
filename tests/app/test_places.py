"""Places: the state folder, its lock, and what is too long for a socket."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.lock import StateFolderInUse, StateLock
from gateway.app.places import check_socket_path, database_url, default_state_dir, make_state_dir, state_dir
from gateway.config.settings import GatewaySettings
from gateway.model.errors import ConfigError

HOLD = """
import sys, pathlib
from gateway.app.lock import StateLock
StateLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_systemd_says_where_the_state_is() -> None:
    assert default_state_dir({"STATE_DIRECTORY": "/var/lib/x:/var/lib/y", "XDG_STATE_HOME": "/z"}) == Path("/var/lib/x")


def test_without_systemd_the_users_state_home_is_taken() -> None:
    assert default_state_dir({"XDG_STATE_HOME": "/z"}) == Path("/z/cim-snmp-gateway")


def test_a_relative_state_folder_starts_at_the_configuration(tmp_path: Path) -> None:
    assert state_dir(GatewaySettings(state_dir=Path("state")), tmp_path, {}) == tmp_path / "state"


def test_the_state_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    made = make_state_dir(tmp_path / "a" / "state")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_state_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be created: .*gateway\.state_dir"):
        make_state_dir(tmp_path / "file" / "state")


def test_the_default_database_is_a_file_in_the_state_folder(tmp_path: Path) -> None:
    assert database_url(GatewaySettings(), tmp_path) == f"sqlite:///{tmp_path}/topology.db"


def test_a_folder_too_deep_for_a_socket_is_refused() -> None:
    with pytest.raises(ConfigError, match="too long for a UNIX socket"):
        check_socket_path(Path("/" + "x" * 100))


def test_a_second_gateway_is_told_which_process_has_the_folder(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StateFolderInUse, match=rf"in use by process {holder.pid}\. Stop"):
            StateLock(tmp_path).acquire()
    finally:
        holder.kill()
        holder.communicate()
    with StateLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
