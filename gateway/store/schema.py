"""The schema's version: made, migrated, or refused when it is newer than this program or not ours."""

from sqlalchemy import Connection, inspect, text

from gateway.model.errors import SchemaMismatch
from gateway.store import tables
from gateway.store.lease import FREE
from gateway.support.resources import resource_dir

_LOCK = 0x6761746577617931
"""PostgreSQL advisory lock: two gateways that start at once migrate one after the other."""
_SEEDS = {"next_index": "1", "next_alarm": "1", "revision": "0"}


def make(connection: Connection) -> None:
    """The tables as they are now, without migrations: for a database that lives in memory."""
    if not inspect(connection).has_table("meta"):
        tables.metadata.create_all(connection)
        connection.execute(tables.lease.insert(), FREE)
        _seed(connection)


def version(connection: Connection) -> str | None:
    """
    The schema's version; None when the database is empty.

    Raises:
        SchemaMismatch: there are tables, but none of ours.
    """
    found = set(inspect(connection).get_table_names())
    if not found:
        return None
    if not {"alembic_version", "meta", "record"} <= found:
        names = ", ".join(sorted(found)[:5])
        raise SchemaMismatch(
            f"the database holds tables of something else ({names}). "
            f"Give the gateway a database of its own, or correct the URL."
        )
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def check(connection: Connection) -> None:
    """
    Refuse a schema that this program cannot work with as it is.

    Raises:
        SchemaMismatch: empty, older, newer, or not ours; the message says what to do.
    """
    found = version(connection)
    if found is None:
        raise SchemaMismatch("the database is empty. Start the gateway, or run `gateway db upgrade`.")
    if found != _head():
        _refuse_newer(found)
        raise SchemaMismatch(f"the database has schema {found}, this program needs {_head()}: `gateway db upgrade`.")


def upgrade(connection: Connection) -> None:
    """
    Bring the schema to this program's version, in the connection's transaction.

    Raises:
        SchemaMismatch: it is newer than this program, or not ours.
    """
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found = version(connection)
    if found == _head():
        return
    if found is not None:
        _refuse_newer(found)
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if found is None:
        _seed(connection)


def _seed(connection: Connection) -> None:
    connection.execute(tables.meta.insert(), [{"key": key, "value": value} for key, value in _SEEDS.items()])


def _known() -> list[str]:
    """The versions that this program knows, newest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory(resource_dir("migrations")).walk_revisions()]


def _head() -> str:
    return _known()[0]


def _refuse_newer(found: str) -> None:
    if found not in _known():
        raise SchemaMismatch(
            f"the database was written by a newer version of the gateway (schema {found}, this program knows up to "
            f"{_head()}). Upgrade the gateway, or restore a backup made by this version: "
            f"`gateway db restore FILE --force`."
        )
