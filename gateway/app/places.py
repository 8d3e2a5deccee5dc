"""Places: where the configuration, the state folder, the socket and the database are."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.config.configuration import Configuration
from gateway.config.settings import GatewaySettings
from gateway.model.errors import ConfigError

NAME = "cim-snmp-gateway"
SYSTEM_CONFIGURATION = Path("/etc") / NAME / "gateway.toml"
DATABASE = "topology.db"
DEMO = "demo"
"""Folder in the state folder: where `gateway run` without a configuration keeps its simulated estate."""
SECRETS = "secrets"
"""Folder in the state folder: keys of SNMP users, and what receivers that were made at run time refer to."""
LONGEST_SOCKET = 107
"""Bytes of a UNIX socket's path (unix(7): sun_path, without its NUL)."""


def default_state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """`$STATE_DIRECTORY` (systemd), else `$XDG_STATE_HOME/cim-snmp-gateway`, else `~/.local/state/cim-snmp-gateway`."""
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].split(":")[0])
    home = environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / NAME


def state_dir(settings: GatewaySettings, base: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder of a configuration; a relative one starts at the configuration file."""
    if settings.state_dir is not None:
        return base / settings.state_dir.expanduser()
    return default_state_dir(environ)


def make_state_dir(folder: Path) -> Path:
    """
    Create the state folder, for its owner only.

    Raises:
        ConfigError: it cannot be created or written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the state folder {folder} cannot be created: {error.strerror}. "
            "Create it for the gateway's user, or set gateway.state_dir."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"the state folder {folder} cannot be written to. Give it to the gateway's user, or set gateway.state_dir."
        )
    return folder


def socket_path(folder: Path) -> Path:
    """The UNIX socket of the command line."""
    return folder / "gateway.sock"


def check_socket_path(folder: Path) -> None:
    """
    Refuse a state folder that is too deep for a UNIX socket.

    Raises:
        ConfigError: its path has too many bytes.
    """
    size = len(os.fsencode(socket_path(folder)))
    if size > LONGEST_SOCKET:
        raise ConfigError(
            f"gateway.state_dir = {str(folder)!r}: too long for a UNIX socket ({size} bytes with its name, "
            f"{LONGEST_SOCKET} are possible). Set a shorter one."
        )


def database_url(settings: GatewaySettings, folder: Path) -> str:
    """URL of the topology database. May hold a password: not for logs."""
    if settings.database is not None:
        return settings.database.get_secret_value()
    return f"sqlite:///{folder / DATABASE}"


def places_of(configuration: Configuration) -> tuple[Path, str]:
    """(state folder, database URL) of a configuration."""
    folder = state_dir(configuration.gateway, configuration.base)
    return folder, database_url(configuration.gateway, folder)
