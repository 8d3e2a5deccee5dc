"""`gateway token`: who may use the REST interface."""

import re
from collections.abc import Collection
from pathlib import Path

import click

from gateway.app.commands_database import opened
from gateway.app.console import moment, note, table
from gateway.app.locate import locate, location_options
from gateway.model.errors import ConfigError
from gateway.support.clock import SystemClock

ROLE = re.compile(r"^(read|admin|ingest:[A-Za-z0-9][A-Za-z0-9._-]*)$")
DAY = 86_400 * 1_000_000


@click.group()
def token() -> None:
    """Tokens of the REST interface. Only their hashes are stored."""


@token.command(short_help="Create a token and print its secret.")
@click.argument("name")
@click.option("--role", required=True, help="read, admin, or ingest:SOURCE (may post hints to that source only).")
@click.option("--days", type=click.IntRange(1, 36_500), help="Days until it expires; without: never.")
@location_options
def create(name: str, role: str, days: int | None, config: Path | None, state_dir: Path | None) -> None:
    """Create the token NAME and print its secret: the only time that it is shown."""
    if not ROLE.match(role):
        raise ConfigError(f"--role {role}: no such role. Give read, admin, or ingest:SOURCE.")
    now, located = SystemClock().now(), locate(config, state_dir)
    with opened(located) as database:
        if source := role.partition(":")[2]:
            _check_source(source, located.sources, database.history.at(now).sources)
        secret = database.administration.create_token(name, role, now, now + days * DAY if days else None)
    note("Keep the secret; it is shown this once:")
    click.echo(secret)


def _check_source(wanted: str, configured: Collection[str] | None, stored: Collection[str]) -> None:
    """Refuse a source that the configuration does not have; without one, warn of what the database does not know."""
    known = ", ".join(sorted(stored if configured is None else configured)) or "none"
    if configured is not None and wanted not in configured:
        raise ConfigError(
            f"--role ingest:{wanted}: no source has that name. Configured: {known}. "
            f"Correct it, or write [sources.{wanted}] first."
        )
    if configured is None and wanted not in stored:
        note(f"gateway: warning: no source {wanted!r} is known yet (known: {known}); the token opens nothing else.")


@token.command(name="list")
@location_options
def list_tokens(config: Path | None, state_dir: Path | None) -> None:
    """List the tokens, without their secrets."""
    with opened(locate(config, state_dir)) as database:
        rows = database.administration.tokens()
    table(
        "Tokens",
        ("NAME", "ROLE", "CREATED", "EXPIRES"),
        ((t.name, t.role, moment(t.created_at), moment(t.expires_at) or "never") for t in rows),
    )


@token.command()
@click.argument("name")
@location_options
def revoke(name: str, config: Path | None, state_dir: Path | None) -> None:
    """Revoke the token NAME at once."""
    with opened(locate(config, state_dir)) as database:
        if not database.administration.revoke_token(name):
            raise ConfigError(f"there is no token {name!r}. See: gateway token list")
    note(f"The token {name!r} is revoked.")
