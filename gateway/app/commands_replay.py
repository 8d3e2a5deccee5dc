"""`gateway replay`: what a recording of a source says, and what would have been told of it."""

import contextlib
import logging
from collections.abc import Iterator

import click

from gateway.app.console import note, one_line_json, table
from gateway.app.plugins import collector_plugin, replayable
from gateway.app.replay import Replayed, replay_folder
from gateway.model.errors import SourceError

UNREADABLE = 1
"""Exit status when a folder could not be read."""


class _Replay(click.Command):
    """Its help names the kinds that have recordings: those of third parties too."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(f"Kinds that have recordings: {', '.join(replayable())}.")


@click.command(cls=_Replay, short_help="What would have been told of a recording.")
@click.argument("kind")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each folder, nothing else.")
@click.pass_context
def replay(ctx: click.Context, kind: str, folders: tuple[str, ...], as_json: bool) -> None:
    """Play recorded states of a source through its parser and the reconciler.

    KIND is a kind of source. Each FOLDER is one recording; it is judged by itself, in memory, with the
    recorded times as the clock. For Pacemaker: 00-before.xml is time 0, NN-tSSS.SS.xml the view at SSS.SS seconds
    (output of crm_mon --output-as=xml), 00-cib.xml the CIB, 99-cib.xml the CIB at the end, alerts.jsonl alerts.
    For libvirt: a file that `record` of a source wrote, or a folder with one; of several name the file. Only with
    --json are VMs named by their UUIDs.

    Exit status: 0 all folders were read; 1 one could not be (the message says why, the others go on); 2 the kind is
    unknown, or has no recordings.
    """
    plugin = collector_plugin(kind)
    unreadable = False
    for folder in folders:
        try:
            with _only_errors():
                replayed = replay_folder(plugin, folder)
        except SourceError as error:
            note(f"gateway: {error}")
            unreadable = True
            continue
        if as_json:
            one_line_json(replayed.as_json())
        else:
            _show(replayed)
    if unreadable:
        ctx.exit(UNREADABLE)


@contextlib.contextmanager
def _only_errors() -> Iterator[None]:
    """What the engine would log of each event is told as a table."""
    engine = logging.getLogger("gateway.engine")
    before = engine.level
    engine.setLevel(logging.ERROR)
    try:
        yield
    finally:
        engine.setLevel(before)


def _show(replayed: Replayed) -> None:
    """For people: what was told, and where everything is in the last view."""
    told = zip(replayed.as_json()["events"], replayed.events, strict=True)
    columns = ("AT", "KIND", "NAME", "FROM", "TO", "CAUSE", "PLANNED", "LIVE", "MEMBERS")
    rows = (
        (
            f"{event['at']:.2f} s",
            event["kind"],
            seen.entity.name,
            event["from"],
            event["to"],
            event["cause"],
            "yes" if event["planned"] else "",
            "yes" if event["live"] else "",
            ", ".join(event["members"]),
        )
        for event, seen in told
    )
    table(f"{replayed.folder}: {len(replayed.states)} views, told", columns, rows)
    last = replayed.states[-1]
    placed = ((row.name, row.role, row.host) for row in last.placements)
    table(f"{replayed.folder}: placed at {last.at:.2f} s", ("NAME", "ROLE", "HOST"), placed)
    click.echo()
