"""`gateway run` and `gateway demo`: the gateway itself."""

import asyncio
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from gateway.app import places
from gateway.app.console import note, one_line_json
from gateway.app.demo import Demo, estate, introduction
from gateway.app.locate import config_option, configured
from gateway.app.runtime import Runtime
from gateway.app.settings_classes import PluginClasses, load_configuration
from gateway.config.configuration import Configuration, build
from gateway.support.logging import set_up
from gateway.support.memory import pace_garbage_collection

logger = logging.getLogger(__name__)

LEAVE_S = 3.0


@click.command(short_help="The gateway itself, in the foreground.")
@config_option
def run(config: Path | None) -> None:
    """Run the gateway in the foreground until SIGTERM or SIGINT.

    SIGHUP reads the configuration again: sources and receivers that changed are restarted, the others go on. Without
    a configuration it runs a simulated estate. When another gateway leads in front of the same database it stands by.

    Exit status: 0 stopped; 1 another gateway has taken over; 2 it could not be started.
    """
    path = configured(config)
    if path is None:
        configuration = _simulated()
        note(
            "gateway: no configuration was given: this is a simulated estate, state in "
            f"{configuration.gateway.state_dir}. With yours: gateway run --config gateway.toml"
        )
        reload = None
    else:
        configuration = load_configuration(path)
        reload = lambda: load_configuration(path)  # noqa: E731
    set_up(configuration.gateway.log, configuration.gateway.log_level)
    for warning in configuration.warnings:
        logger.warning("gateway: %s", warning)
    _run(Runtime(configuration, reload).run())


@click.command(short_help="The gateway on a simulated estate, with a trap receiver.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when it is ready, nothing else.")
@click.option("--hosts", default=12, show_default=True, type=click.IntRange(3, 2000), help="Hosts of the estate.")
@click.option("--seed", default=1, show_default=True, type=int, help="Same seed, same events.")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the state here; without: a temporary folder, gone at the end.",
)
def demo(as_json: bool, hosts: int, seed: int, state_dir: Path | None) -> None:
    """Show it all on a simulated estate: agent, REST, command line, and traps at a receiver of its own.

    Everything listens on loopback, on free ports. The first relocation comes within a minute. --json prints one line
    with addresses and credentials (snmp, rest, socket, trap_receiver, state_dir, pid) when everything answers.
    """
    set_up("text", "WARNING")
    with ExitStack() as stack:
        folder = state_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-")))
        shown = _Quiet() if as_json else _Told()
        _run(Demo(folder.absolute(), estate(hosts, seed), shown.tell, shown.announce).run())


def _run(gateway: Coroutine[Any, Any, None]) -> None:
    """
    Run a gateway to its end. Everything of ours is closed then; a thread of a library that still waits for the
    outside world (a name server that is gone) must not keep the process for longer than `LEAVE_S`.
    """
    pace_garbage_collection()
    with asyncio.Runner() as runner:
        runner.run(gateway)
        leaving = threading.Timer(LEAVE_S, os._exit, [0])
        leaving.daemon = True
        leaving.start()


class _Quiet:
    """For programs: one line."""

    def tell(self, line: str) -> None:
        """Nothing else on standard output."""

    def announce(self, known: dict[str, Any], _example: str) -> None:
        one_line_json(known)


class _Told:
    """For people: what to try, then what happens."""

    def tell(self, line: str) -> None:
        click.echo(line)

    def announce(self, known: dict[str, Any], example: str) -> None:
        click.echo(introduction(known, example, _called()))


def _called() -> str:
    """How this program was called: people can paste it."""
    return sys.argv[0] if Path(sys.argv[0]).name == "gateway" else f"{sys.executable} -m gateway"


def _simulated() -> Configuration:
    """A simulated estate on the default ports, in a folder of its own beside the default state."""
    folder = places.default_state_dir() / places.DEMO
    document: dict[str, Any] = {"gateway": {"state_dir": str(folder)}, "sources": {"estate": estate(12, 1)}}
    return build(document, PluginClasses(), os.environ, origin="the demo's configuration", base=Path.cwd())
