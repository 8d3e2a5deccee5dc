"""The PostgreSQL server of the tests: a fresh database per test, reachable, durable."""

from __future__ import annotations

import signal

from sqlalchemy import create_engine, text

from tests.lab.postgres import PostgresServer


def test_each_test_gets_an_empty_database(database_url: str):
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE places (host TEXT)"))
        connection.execute(text("INSERT INTO places VALUES ('n1')"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT host FROM places")).scalar_one() == "n1"
    engine.dispose()


def test_what_was_committed_survives_a_crash_of_the_server(postgresql_server: PostgresServer):
    with postgresql_server.fresh_database() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE places AS SELECT 'n1' AS host"))
        postgresql_server.stop(signal.SIGQUIT)
        postgresql_server.start()
        engine.dispose()
        with engine.connect() as connection:
            assert connection.execute(text("SELECT host FROM places")).scalar_one() == "n1"
            assert connection.execute(text("SHOW fsync")).scalar_one() == "on"
        engine.dispose()
