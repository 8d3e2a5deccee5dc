"""Locate: which state folder and database a command means, by `--config`, `--state-dir`, or the defaults."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from gateway.app import places
from gateway.config.configuration import load_installation
from gateway.config.settings import GatewaySettings
from gateway.model.conditions import SettleTimes


@dataclass(frozen=True, slots=True)
class Located:
    """An installation. `database` may hold a password: not for logs."""

    state_dir: Path
    database: str
    socket: Path
    settle: SettleTimes = field(default_factory=SettleTimes)
    sources: frozenset[str] | None = None
    """Names of the configured sources; None: no configuration was named."""
    instance: str = ""
    """The configured name of this gateway among others."""


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`, else $GATEWAY_CONFIG, else the system's file when it is there."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar="GATEWAY_CONFIG",
        help=f"Configuration file (or $GATEWAY_CONFIG). Default: {places.SYSTEM_CONFIGURATION}, when it is there.",
    )(command)


def location_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config` and `--state-dir`, for commands that talk to an installation."""
    state_dir = click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="GATEWAY_STATE_DIR",
        help="State folder of the gateway that is meant (or $GATEWAY_STATE_DIR), instead of --config.",
    )
    return config_option(state_dir(command))


def configured(config: Path | None) -> Path | None:
    """The configuration file that is meant, None when there is none."""
    if config is None and places.SYSTEM_CONFIGURATION.is_file():
        return places.SYSTEM_CONFIGURATION
    return config


def locate(config: Path | None, state_dir: Path | None) -> Located:
    """
    The installation that is meant. Without any hint: the default state folder, or the demo's in it when only that is
    there.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    if state_dir is not None:
        return _usual(state_dir)
    path = configured(config)
    if path is not None:
        found = load_installation(path)
        folder = places.state_dir(found.gateway, found.base)
        database = places.database_url(found.gateway, folder)
        socket = found.unix_socket or places.socket_path(folder)
        return Located(folder, database, socket, found.settle, frozenset(found.sources), found.gateway.instance)
    folder = places.default_state_dir()
    demo = folder / places.DEMO
    if not (folder / places.DATABASE).exists() and (demo / places.DATABASE).exists():
        folder = demo
    return _usual(folder)


def _usual(folder: Path) -> Located:
    """Everything in the state folder."""
    return Located(folder, places.database_url(GatewaySettings(), folder), places.socket_path(folder))
