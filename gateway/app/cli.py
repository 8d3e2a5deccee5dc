"""The command line: `gateway COMMAND`. Each group of commands has its own module; this one only gathers them."""

from typing import Any

import click

import gateway
from gateway.app.commands_ask import impact, where
from gateway.app.commands_database import db
from gateway.app.commands_list import alarms, events, sources
from gateway.app.commands_replay import replay
from gateway.app.commands_run import demo, run
from gateway.app.commands_token import token
from gateway.model.errors import GatewayError
from gateway.support.resources import ResourceMissing

FAILED = 2
"""Exit status when a command could not do what it was asked."""


class Commands(click.Group):
    """Commands whose expected errors are a message on standard error and exit status 2, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (GatewayError, ResourceMissing) as error:
            click.echo(f"gateway: {error}", err=True)
            ctx.exit(FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(gateway.__version__, prog_name="gateway")
def main() -> None:
    """One topology of HA clusters, hypervisors and containers, republished as SNMP, REST and notifications.

    \b
    Try it:      gateway demo
    Run it:      gateway run --config gateway.toml
    Check it:    gateway check --config gateway.toml
    Ask it:      gateway where NAME, gateway impact NAME

    Exit status: 0 done; 2 it could not be done, with a message on standard error. `where`, `impact` and `check` say
    more by it: see their --help.
    """


for command in (run, demo, where, impact, events, alarms, sources, replay, db, token):
    main.add_command(command)
