"""`gateway check`: tries everything that is configured."""

import asyncio
import sys
from pathlib import Path

import click

from gateway.app.check import check as check_all
from gateway.app.console import one_line_json, table
from gateway.app.findings import Finding, Outcome
from gateway.app.locate import config_option, configured
from gateway.app.settings_classes import load_configuration
from gateway.config.configuration import Configuration
from gateway.model.errors import ConfigError


@click.command(short_help="Try all that is configured, and say what to do.")
@config_option
@click.option("--send", is_flag=True, help="Also send a test notification (topologyTest) to each receiver.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one line of JSON.")
def check(config: Path | None, send: bool, as_json: bool) -> None:
    """Check the configuration, the state folder, the database, each source, the agent, and the receivers.

    \b
    Exit status: 0  everything works (warnings may be there)
                 1  something does not; the line says what to do
                 2  the configuration itself is wrong
    """
    path = configured(config)
    if path is None:
        raise ConfigError("there is no configuration to check. Name one: gateway check --config gateway.toml")
    findings = asyncio.run(_all(load_configuration(path), send))
    if as_json:
        one_line_json([{"what": f.what, "outcome": f.outcome, "said": f.said} for f in findings])
    else:
        table("Check", ("WHAT", "OUTCOME", ""), ((f.what, f.outcome, f.said) for f in findings))
    sys.exit(1 if any(finding.outcome is Outcome.FAILED for finding in findings) else 0)


async def _all(configuration: Configuration, send: bool) -> list[Finding]:
    return [finding async for finding in check_all(configuration, send)]
