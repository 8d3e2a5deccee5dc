"""Alembic's environment: runs the migrations on the connection that the gateway hands over, in its transaction."""

from alembic import context

from gateway.store.tables import metadata


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations run on a database only: use `gateway db upgrade`")
run()
