"""`gateway snmp`: users of the agent by their keys, and what the side that receives notifications needs."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import click

from gateway.app.commands_ask import json_option
from gateway.app.commands_database import exists, opened
from gateway.app.console import counted, note, one_line_json, table
from gateway.app.locate import Located, configured, locate, location_options
from gateway.app.publishing import ROOT_KEY, engine_id_of, root_of
from gateway.app.receiver_desk import StoredReceivers
from gateway.app.settings_classes import load_configuration
from gateway.app.snmp_secrets import LOCAL, keep_keys, keys_file
from gateway.app.snmp_users import listed, references
from gateway.config.configuration import NAME, Configuration, read_toml
from gateway.config.settings import Settings
from gateway.model.errors import ConfigError
from gateway.notifier.settings import ReceiverSettings
from gateway.notifier.sinks.receiving import Daemon, receiving_side
from gateway.notifier.sinks.snmp import other_engine
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.arcs import ENTERPRISE
from gateway.schema.snmp.credentials import V3Credentials, check_password, known_protocol
from gateway.store.database import Database
from gateway.support.clock import SystemClock
from gateway.wire.ber import Oid
from gateway.wire.errors import SecurityConfigError
from gateway.wire.usm import AuthProtocol, PrivProtocol

NO_PRIVACY = "none"
TRAPS = ".traps"
"""Behind a user's name in that of the file with its keys for traps."""
COLUMNS = ("NAME", "USE", "LEVEL", "AUTH", "PRIV", "VIEW", "KEPT", "DEFINED IN")


@click.group(short_help="SNMPv3 users, and what receivers need.")
def snmp() -> None:
    """SNMPv3 users by their keys, and what the side that receives notifications needs."""


@snmp.group(short_help="Users of SNMPv3, by their keys.")
def user() -> None:
    """Users of SNMPv3: only their keys for this gateway's engine are kept, never a password."""


@user.command(short_help="Make the keys of a user from passwords.")
@click.argument("name")
@click.option("--auth", default="SHA-256", show_default=True, help="SHA, SHA-224, SHA-256, SHA-384 or SHA-512.")
@click.option("--priv", default="AES", show_default=True, help="AES, AES-192, AES-256 (or -C), or none.")
@click.option("--allow-weak", is_flag=True, help="Also take MD5 and DES, for a console that has nothing else.")
@click.option("--for-traps", is_flag=True, help="For a receiver of traps, if this gateway has an instance name.")
@click.option("--force", is_flag=True, help="Replace the keys that there are of this user.")
@location_options
def add(
    name: str,
    auth: str,
    priv: str,
    allow_weak: bool,
    for_traps: bool,
    force: bool,
    config: Path | None,
    state_dir: Path | None,
) -> None:
    """Ask for the passwords of the user NAME and keep its keys (RFC 3414 section 2.6) in the state folder.

    The keys open this gateway only; the passwords are not kept. Without a terminal each is one line of standard input,
    the one for authentication first, and nothing else is there. What has to be written into the configuration is
    printed.
    """
    if not NAME.match(name) or len(name) > 32:
        raise ConfigError(f"user {name!r}: is no usable name. Use letters, digits, '.', '_' and '-', at most 32.")
    if name == LOCAL:
        raise ConfigError(f"user {LOCAL!r}: is the one whom the gateway makes itself. Choose another name.")
    if name.endswith(TRAPS):
        said = f"keys in a file of that name are those of {name.removesuffix(TRAPS)!r} for traps (--for-traps)"
        raise ConfigError(f"user {name!r}: {said}. Choose another name.")
    privacy = None if priv == NO_PRIVACY else priv
    _check_protocols(auth, privacy, weak=allow_weak)
    located = locate(config, state_dir)
    file = keys_file(located.state_dir, f"{name}{TRAPS}" if for_traps else name)
    if not force and file.exists():
        raise ConfigError(
            f"user {name!r}: there are keys in {file}. Choose another name, or replace them with --force."
        )
    passwords = _passwords(["authentication", "privacy"] if privacy else ["authentication"])
    given = V3Credentials(auth, passwords[0], privacy, passwords[1] if privacy else None)
    with opened(located) as database:
        made = given.at(name, engine_id_of(database, "" if for_traps else located.instance))
    keep_keys(file, made)
    lines = _lines(auth, privacy, allow_weak, file.absolute())
    if for_traps:
        note("Write this into the table of the receiver and restart the gateway:")
        lines.insert(0, f'user = "{name}"')
    else:
        note("Write this into the configuration and restart the gateway:")
        lines.insert(0, f"[publishers.snmp.users.{_key(name)}]")
    click.echo("".join(f"{line}\n" for line in lines), nl=False)


@user.command(name="list", short_help="Who is a user, by what, and where that is written.")
@json_option
@location_options
def list_(as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """List the users of SNMPv3: who may ask, as whom receivers are told, and whose keys are kept.

    Protocols, security level, view, and where each is defined; never a key or a password. Below a user stands what is
    wrong with it, such as a secret that cannot be read.
    """
    located = locate(config, state_dir)
    path = configured(config) if state_dir is None else None
    users = list(listed(path, _made_at_run_time(located), located.state_dir))
    if as_json:
        one_line_json([asdict(each) for each in users])
    else:
        table("Users of SNMPv3", COLUMNS, (astuple(each) for each in users), below=1)


@user.command(short_help="Take the keys of a user out of the state folder.")
@click.argument("name")
@location_options
def remove(name: str, config: Path | None, state_dir: Path | None) -> None:
    """Delete the keys that `user add` keeps of the user NAME, and say what still refers to them.

    A gateway that runs knows the user until it is restarted. Whoever has the password of a user that is in the
    configuration by its password is not concerned: take its table out.
    """
    located = locate(config, state_dir)
    if name == LOCAL:
        said = "is the one whom the gateway makes while nobody else may ask. Configure another user or a community."
        raise ConfigError(f"user {LOCAL!r}: {said}")
    file = keys_file(located.state_dir, name)
    if not NAME.match(name) or not file.is_file():
        known = sorted(each.stem for each in file.parent.glob("*.keys") if each.stem != LOCAL)
        raise ConfigError(f"there are no keys of a user {name!r}. Known: {', '.join(known) or 'none'}.")
    referring = _referring(file, located, configured(config) if state_dir is None else None)
    _unlink(file)
    note(f"The keys of {name} are deleted. Restart the gateway if it runs: it knows the user until then.")
    for each in referring:
        note(f"{each} still refers to them: take that table out of the configuration, or give it other keys.")


def _referring(file: Path, located: Located, config: Path | None) -> list[str]:
    """What names the file: in the configuration, though it may be wrong in other things, and at run time."""
    found = list(references(read_toml(config), config.resolve().parent, file)) if config is not None else []
    return [*found, *references({"receivers": _made_at_run_time(located)}, file.parent, file)]


def _unlink(file: Path) -> None:
    try:
        file.unlink()
    except OSError as error:
        said = f"{file} cannot be deleted: {error.strerror}. Do it as the gateway's user."
        raise ConfigError(said) from error


def _lines(auth: str, priv: str | None, weak: bool, path: Path) -> list[str]:
    lines = ["allow_weak = true"] if weak else []
    lines.append(f'auth = "{auth}"')
    if priv is not None:
        lines.append(f'priv = "{priv}"')
    return [*lines, f'keys_file = "{path}"']


def _key(name: str) -> str:
    return f'"{name}"' if "." in name else name


def _check_protocols(auth: str, priv: str | None, *, weak: bool) -> None:
    try:
        known_protocol(AuthProtocol, auth, weak=weak, allowing="--allow-weak")
    except ValueError as error:
        raise ConfigError(f"--auth {auth}: {error}.") from error
    try:
        if priv is not None:
            known_protocol(PrivProtocol, priv, weak=weak, allowing="--allow-weak")
    except ValueError as error:
        raise ConfigError(f"--priv {priv}: {error}, or none.") from error


def _passwords(uses: list[str]) -> list[str]:
    """One for each use: asked for, or the lines of standard input."""
    if sys.stdin.isatty():
        asked = (click.prompt(f"Password for {use}", hide_input=True, confirmation_prompt=True) for use in uses)
        return [_checked(use, given) for use, given in zip(uses, asked, strict=True)]
    lines = sys.stdin.read().splitlines()
    if len(lines) != len(uses):
        said = f"standard input has {counted(len(lines), 'line')}, and not {len(uses)}"
        raise ConfigError(f"{said}. Give one password a line, each once: for {', then for '.join(uses)}.")
    return [_checked(use, given) for use, given in zip(uses, lines, strict=True)]


def _checked(use: str, password: str) -> str:
    try:
        check_password(password)
    except ValueError as error:
        raise ConfigError(f"the password for {use}: {error}.") from error
    return password


@snmp.command(name="receiver-config", short_help="What the receiving side of RECEIVER needs.")
@click.argument("receiver")
@click.option(
    "--for",
    "daemon",
    type=click.Choice([each.value for each in Daemon]),
    default=Daemon.SNMPTRAPD.value,
    show_default=True,
    help="What handles the notifications there.",
)
@location_options
def receiver_config(receiver: str, daemon: str, config: Path | None, state_dir: Path | None) -> None:
    """Print the configuration of the machine that receives the notifications of RECEIVER.

    SNMPv3 with keys in place of passwords: those of this gateway's engine for traps, those that fit any engine for
    informs. They are secrets: write them to files that only the receiver may read.
    """
    settings, engine_id, root = _found(receiver, config, state_dir)
    try:
        text = receiving_side(settings, engine_id, root, Daemon(daemon))
    except SecurityConfigError as error:
        said = f"receivers.{receiver}: {other_engine(error, settings.user)}."
        raise ConfigError(said) from error
    note("This holds secrets: keep it in files that only the receiver may read (mode 0600).")
    click.echo(text, nl=False)


def _found(receiver: str, config: Path | None, state_dir: Path | None) -> tuple[SnmpTrapSettings, bytes, Oid]:
    """A receiver's settings, the gateway's engine, and where its MIB hangs."""
    located = locate(config, state_dir)
    path = configured(config) if state_dir is None else None
    only = [("receivers", receiver), ROOT_KEY]  # the secrets of others need not be at hand
    configuration = load_configuration(path, only=only) if path is not None else None
    with opened(located) as database:
        engine_id = engine_id_of(database)
        receivers = _stored(database, configuration, located)
    found = receivers.get(receiver)
    if not isinstance(found, SnmpTrapSettings):
        tables = read_toml(path).get("receivers", {}) if path is not None else {}
        known = ", ".join(sorted({*tables, *receivers})) or "none: name the configuration"
        raise ConfigError(f"there is no SNMP receiver {receiver!r}. Known: {known}.")
    return found, engine_id, root_of(configuration) if configuration is not None else ENTERPRISE


def _made_at_run_time(located: Located) -> Mapping[str, Mapping[str, Any]]:
    """The tables of the receivers that the database has, where there is one."""
    if not exists(located):
        return {}
    with opened(located, upgrade=False) as database:
        return database.administration.stored_receivers()


def _stored(database: Database, configuration: Configuration | None, located: Located) -> dict[str, ReceiverSettings]:
    known: dict[str, Settings] = dict(configuration.receivers) if configuration is not None else {}
    return StoredReceivers(database, known, located.state_dir, SystemClock()).all()
