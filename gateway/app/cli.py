"""The command line: `gateway COMMAND`. Each group of commands has its own module, imported when it is used."""

from importlib import import_module
from typing import Any

import click

import gateway
from gateway.model.errors import GatewayError, LeaseLost
from gateway.support.resources import ResourceMissing

FAILED = 2
"""Exit status when a command could not do what it was asked."""
LOST = 1
"""Exit status of a gateway in whose place another works now: started again it stands by."""

COMMANDS = {
    "run": "commands_run",
    "demo": "commands_run",
    "check": "commands_check",
    "where": "commands_ask",
    "impact": "commands_ask",
    "events": "commands_list",
    "alarms": "commands_list",
    "sources": "commands_list",
    "window": "commands_window",
    "replay": "commands_replay",
    "db": "commands_database",
    "token": "commands_token",
    "mib": "commands_mib",
    "snmp": "commands_snmp",
    "notifications": "commands_notifications",
    "test-notification": "commands_notifications",
}
"""Command -> its module in gateway.app, where it has the same name (- is _)."""


class Commands(click.Group):
    """
    Commands that are imported when they are used: asking a question must not wait for what only a server needs.

    Their expected errors are a message on standard error and exit status 2, not a traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"gateway.app.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (GatewayError, ResourceMissing) as error:
            click.echo(f"gateway: {error}", err=True)
            ctx.exit(LOST if isinstance(error, LeaseLost) else FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(gateway.__version__, prog_name="gateway")
def main() -> None:
    """One topology of HA clusters, hypervisors and containers, republished as SNMP, REST and notifications.

    \b
    Try it:      gateway demo
    Run it:      gateway run --config gateway.toml
    Check it:    gateway check --config gateway.toml
    Ask it:      gateway where NAME, gateway impact NAME

    Exit status: 0 done; 2 it could not be done, with a message on standard error. `run`, `where`, `impact` and `check`
    say more by it: see their --help.
    """
