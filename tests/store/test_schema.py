"""The schema: what migrations make is what the tables say; what is newer or not ours is refused."""

import importlib.util
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from gateway.model.errors import ConfigError, SchemaMismatch, StoreUnavailable
from gateway.store.database import open_database
from gateway.store.tables import metadata
from gateway.support.resources import resource_dir


def run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_the_revisions_are_one_chain_and_each_file_is_named_by_its_number():
    steps = []
    for file in sorted((resource_dir("migrations") / "versions").glob("*.py")):
        spec = importlib.util.spec_from_file_location(file.stem, file)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        steps.append((file.name.partition("_")[0], script.revision, script.down_revision))
    numbers = [f"{number:04}" for number in range(1, len(steps) + 1)]
    assert steps == list(zip(numbers, numbers, [None, *numbers], strict=False))


def test_migrations_make_exactly_the_tables(database_url: str):
    open_database(database_url).close()
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrations_make_the_same_partial_indexes_as_the_tables(tmp_path: Path):
    # compare_metadata looks at neither WHERE clauses nor AUTOINCREMENT
    migrated, made = f"sqlite:///{tmp_path / 'migrated.db'}", create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    open_database(migrated).close()
    metadata.create_all(made)
    wanted = text("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%WHERE%' OR sql LIKE '%AUTOINCREMENT%'")

    def said(engine):
        with engine.connect() as connection:
            rows = connection.execute(wanted).all()
            return {row.name: row.sql.partition("WHERE")[2] or "AUTOINCREMENT" in row.sql for row in rows}

    assert said(create_engine(migrated)) == said(made)
    assert len(said(made)) >= 8


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url: str):
    open_database(database_url).close()
    run(database_url, "UPDATE alembic_version SET version_num = '9999'")
    for upgrade in (True, False):
        with pytest.raises(SchemaMismatch, match=r"newer version.*9999.*Upgrade the gateway, or restore a backup"):
            open_database(database_url, upgrade=upgrade)


def test_a_database_of_something_else_is_refused(database_url: str):
    run(database_url, "CREATE TABLE customers (id INTEGER)")
    with pytest.raises(SchemaMismatch, match=r"something else \(customers\)"):
        open_database(database_url)
    assert inspect(create_engine(database_url)).get_table_names() == ["customers"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("nothing to see here, and certainly no database\n" * 100)
    with pytest.raises(SchemaMismatch, match="no SQLite database"):
        open_database(f"sqlite:///{file}")


def test_without_upgrade_nothing_is_made(database_url: str, tmp_path: Path):
    if database_url.startswith("postgresql"):
        with pytest.raises(SchemaMismatch, match="gateway db upgrade"):
            open_database(database_url, upgrade=False)
    else:
        with pytest.raises(StoreUnavailable, match="no such file"):
            open_database(database_url, upgrade=False)
        assert not (tmp_path / "topology.db").exists()


def test_an_upgraded_database_opens_without_upgrade_and_upgrades_again(database_url: str):
    open_database(database_url).close()
    database = open_database(database_url, upgrade=False)
    database.upgrade()
    assert database.repository.load().revision == 0
    database.close()


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path / 'topology.db'}")
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    database.close()


def test_a_file_in_a_folder_that_is_missing_says_so(tmp_path: Path):
    with pytest.raises(StoreUnavailable, match="Check that the folder exists"):
        open_database(f"sqlite:///{tmp_path / 'missing' / 'topology.db'}")


@pytest.mark.parametrize("url", ["mysql://localhost/x", "no url at all"])
def test_other_products_are_refused(url: str):
    with pytest.raises(ConfigError, match=r"sqlite"):
        open_database(url)
