"""
SNMP secrets: the keys of users in the state folder, and the user who may ask when the configuration names nobody.

No community and no password is known in advance: that user's keys are random, made at the first start, and stay.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, Final

from pydantic import SecretStr

from gateway.app.places import SECRETS
from gateway.app.private_files import write_private
from gateway.model.errors import ConfigError
from gateway.publishers.snmp import SnmpSettings
from gateway.publishers.snmp.settings import LOOPBACK, UserSettings
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.keys import LocalizedKeys
from gateway.schema.snmp.tables import WHERE_TABLE
from gateway.wire.oid import format_oid
from gateway.wire.usm import AuthProtocol, PrivProtocol, UsmUser

LOCAL: Final = "local"
"""The user who may ask, from this machine only, when nobody else may."""
CLIENT_FOLDER: Final = "snmp"
"""Folder in the state folder with the snmp.conf by which net-snmp's tools ask as that user."""
_AUTH, _PRIV = AuthProtocol.SHA256, PrivProtocol.AES
LOCAL_TABLE: Final[Mapping[str, Any]] = {"auth": _AUTH.value, "priv": _PRIV.value, "allow": LOOPBACK}
"""That user as a table of the configuration, without its keys."""


def keys_file(state_dir: Path, user: str) -> Path:
    """Where the keys of a user are."""
    return state_dir / SECRETS / f"{user}.keys"


def keep_keys(file: Path, user: UsmUser) -> None:
    """
    Write the keys of a user.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_private(file, LocalizedKeys.of(user).text() + "\n")


def nobody_may_ask(settings: SnmpSettings) -> bool:
    """Whether neither a community nor a user is configured."""
    return not settings.communities and not settings.users


def with_local_user(settings: SnmpSettings, state_dir: Path) -> SnmpSettings:
    """
    The settings as the running agent has them, by the keys that it has kept. Blocking.

    Raises:
        ConfigError: there are none yet, or they cannot be read.
    """
    if not nobody_may_ask(settings):
        return settings
    keys = _kept(keys_file(state_dir, LOCAL))
    user = UserSettings.model_validate({**LOCAL_TABLE, "keys": SecretStr(keys.text())})
    return settings.model_copy(update={"users": {LOCAL: user}})


def make_local_user(settings: SnmpSettings, engine_id: bytes, state_dir: Path) -> SnmpSettings:
    """
    The same at the start: the keys are made when there are none, or none of this engine. Blocking.

    Raises:
        ConfigError: what is kept cannot be read or written.
    """
    if not nobody_may_ask(settings):
        return settings
    keys, client = keys_file(state_dir, LOCAL), state_dir / CLIENT_FOLDER / "snmp.conf"
    if not (keys.exists() and client.exists()) or _kept(keys).engine_id != engine_id:
        made = UsmUser(LOCAL.encode(), engine_id, _AUTH, secrets.token_bytes(32), _PRIV, secrets.token_bytes(16))
        write_private(client, client_configuration(made))
        keep_keys(keys, made)  # last: as long as they do not fit, both are made anew
    return with_local_user(settings, state_dir)


def _kept(path: Path) -> LocalizedKeys:
    try:
        return LocalizedKeys.parse(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}. A gateway that runs has written it.") from error
    except ValueError as error:
        raise ConfigError(f"{path} {error}. Remove it and start the gateway: it makes new keys.") from error


def client_configuration(user: UsmUser) -> str:
    """snmp.conf(5) by which net-snmp's tools ask as a user: a secret, and none is on their command line."""
    assert user.auth is not None
    assert user.priv is not None
    return (
        f"mibs :\ndefVersion 3\ndefSecurityName {user.name.decode()}\ndefSecurityLevel authPriv\n"
        f"defAuthType {user.auth.value}\ndefAuthLocalizedKey 0x{user.auth_key.hex()}\n"
        f"defPrivType {user.priv.value}\ndefPrivLocalizedKey 0x{user.priv_key.hex()}\n"
    )


def how_to_ask(state_dir: Path, address: tuple[str, int], settings: SnmpSettings) -> str:
    """A command line that walks where everything is, as the local user."""
    host, port = address
    agent = f"udp6:[{host}]:{port}" if ":" in host else f"{host}:{port}"
    folder = quote(str(state_dir.absolute() / CLIENT_FOLDER))
    return f"SNMPCONFPATH={folder} snmpbulkwalk {agent} {format_oid(under(settings.root, WHERE_TABLE.oid))}"
