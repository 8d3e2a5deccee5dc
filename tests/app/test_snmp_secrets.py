"""The user who may ask when the configuration names nobody: made once, kept, never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.app.private_files import write_private
from gateway.app.snmp_secrets import LOCAL, how_to_ask, keys_file, make_local_user, with_local_user
from gateway.model.errors import ConfigError
from gateway.publishers.snmp import SnmpSettings
from gateway.publishers.snmp.access import usm_users

ENGINE, ANOTHER = b"\x80\x00\x7e\xd9\x05one", b"\x80\x00\x7e\xd9\x05two"
NOBODY = SnmpSettings()


def made(state_dir: Path, engine_id: bytes = ENGINE) -> bytes:
    """The authentication key of the local user of a start."""
    settings = make_local_user(NOBODY, engine_id, state_dir)
    assert settings.users[LOCAL].allow == ("127.0.0.0/8", "::1/128")
    (user,) = usm_users(settings, engine_id)
    client = (state_dir / "snmp" / "snmp.conf").read_text()
    assert f"defAuthLocalizedKey 0x{user.auth_key.hex()}\n" in client
    assert f"defPrivLocalizedKey 0x{user.priv_key.hex()}\n" in client
    assert user.auth_key.hex() not in repr(settings)
    return user.auth_key


def test_the_keys_are_random_and_stay(tmp_path: Path) -> None:
    assert made(tmp_path / "a") == made(tmp_path / "a")
    assert made(tmp_path / "a") != made(tmp_path / "b")
    assert with_local_user(NOBODY, tmp_path / "a") == make_local_user(NOBODY, ENGINE, tmp_path / "a")


def test_another_engine_gets_other_keys(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert made(tmp_path, ANOTHER) != first


@pytest.mark.parametrize("lost", ["secrets/local.keys", "snmp/snmp.conf"])
def test_what_was_removed_is_made_anew(tmp_path: Path, lost: str) -> None:
    first = made(tmp_path)
    (tmp_path / lost).unlink()
    assert made(tmp_path) != first


def test_who_is_configured_needs_no_local_user(tmp_path: Path) -> None:
    settings = SnmpSettings.model_validate({"communities": {"a": {"community": "x"}}})
    assert make_local_user(settings, ENGINE, tmp_path) is settings
    assert not list(tmp_path.iterdir())


def test_damaged_keys_are_named_with_what_to_do_and_not_repeated(tmp_path: Path) -> None:
    made(tmp_path)
    keys_file(tmp_path, LOCAL).write_text("hunter2\n")
    with pytest.raises(ConfigError) as failure:
        make_local_user(NOBODY, ENGINE, tmp_path)
    said = str(failure.value)
    assert said.startswith(f"{tmp_path}/secrets/local.keys must be ENGINE:KEY")
    assert said.endswith("Remove it and start the gateway: it makes new keys.")
    assert "hunter2" not in said


def test_keys_that_are_not_there_are_not_made_by_who_only_asks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        with_local_user(NOBODY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_line_names_the_folder_in_quotes_and_ipv6_as_net_snmp_does() -> None:
    said = how_to_ask(Path("/var/lib/my state"), ("::1", 161), NOBODY)
    assert said == "SNMPCONFPATH='/var/lib/my state/snmp' snmpbulkwalk udp6:[::1]:161 1.3.6.1.4.1.32473.7163.1.4"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to the gateway's user")
def test_what_root_writes_belongs_to_whom_the_state_folder_belongs(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    write_private(tmp_path / "secrets" / "noc.keys", "x\n")
    for path in (tmp_path / "secrets", tmp_path / "secrets" / "noc.keys"):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
