"""`gateway db`: upgrade, backup and restore of the topology database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.app.console import note
from gateway.app.locate import Located, locate, location_options
from gateway.app.lock import StateLock
from gateway.app.places import DATABASE, make_state_dir
from gateway.model.errors import StoreError
from gateway.store.database import Database, open_database
from gateway.store.replacement import replace_database


@click.group()
def db() -> None:
    """The topology database: upgrade, backup, restore.

    It holds the indexes by which every console knows your entities: a lost database renumbers them all.
    """


@db.command(short_help="Bring the schema to this version.")
@location_options
def upgrade(config: Path | None, state_dir: Path | None) -> None:
    """Bring the schema to this version (a starting gateway does so by itself)."""
    with _stopped(locate(config, state_dir)):
        note("The database has the schema of this version.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE when it is there already.")
@location_options
def backup(file: Path, force: bool, config: Path | None, state_dir: Path | None) -> None:
    """Write a backup to FILE; the gateway may go on running."""
    if file.exists() and not force:
        raise StoreError(f"{file}: there is a file already. Name another, or replace it with --force.")
    with opened(locate(config, state_dir), upgrade=False) as database:
        database.backup(file)
    note(f"The backup is in {file}.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--force",
    is_flag=True,
    help="Replace what the database holds, also when it is damaged or newer: a file is set aside.",
)
@location_options
def restore(file: Path, force: bool, config: Path | None, state_dir: Path | None) -> None:
    """Put the backup in FILE in place; the gateway must be stopped."""
    located = locate(config, state_dir)
    if force:
        _replace(located, file)
    else:
        with _stopped(located) as database:
            database.restore(file)
    note(f"The database holds what was in {file}.")


def _replace(located: Located, file: Path) -> None:
    make_state_dir(located.state_dir)
    with StateLock(located.state_dir):
        aside = replace_database(located.database, file)
    if aside is not None:
        note(f"The database could not be used as it was: it is set aside as {aside}.")


def exists(located: Located) -> bool:
    """Whether there is a database; of one on a server it is not known before it is asked."""
    file = located.state_dir / DATABASE
    return located.database != f"sqlite:///{file}" or file.exists()


@contextmanager
def opened(located: Located, *, upgrade: bool = True) -> Iterator[Database]:
    """The database of an installation; made or migrated first when `upgrade`."""
    if upgrade:
        make_state_dir(located.state_dir)
    database = open_database(located.database, upgrade=upgrade)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _stopped(located: Located) -> Iterator[Database]:
    """The database while no gateway runs on it."""
    make_state_dir(located.state_dir)
    with StateLock(located.state_dir), opened(located) as database:
        yield database
