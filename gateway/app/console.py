"""Console: what people see of the commands. Tables and colours on a terminal, plain text elsewhere."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH = 500
"""Columns where no terminal says how wide it is: a row in a file is one line."""
_FRACTION = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z")


def console() -> Console:
    """Standard output; without colours, and wide, when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], below: int = 0) -> None:
    """
    Print one table; a cell is text, None is empty; times are shown to the second. Says so when there are no rows.

    So many cells of each row as `below` says, after those of the columns, stand on lines of their own under it.
    """
    made = [[_shown(cell) for cell in row] for row in rows]
    if not made:
        click.echo(f"{title}: none")
        return
    click.echo(title)
    if sys.stdout.isatty() and not below:
        console().print(_rich_table(columns, made))
        return
    cells = [[cell.splitlines() or [""] for cell in row[: len(columns)]] for row in ([*columns], *made)]
    width = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    for row, texts in zip(cells, ([], *(row[len(columns) :] for row in made)), strict=True):
        for line in zip_longest(*row, fillvalue=""):
            click.echo("  ".join(f"{part:<{size}}" for part, size in zip(line, width, strict=True)).rstrip())
        for text in filter(None, texts):
            click.echo(f"    {text}")


def note(message: str) -> None:
    """Tell a person something beside the result: standard error."""
    click.echo(message, err=True)


def one_line_json(document: Any) -> None:
    """Print a document as one line of JSON."""
    click.echo(json.dumps(document, ensure_ascii=False, separators=(", ", ": ")))


def counted(number: int, what: str) -> str:
    """`1 source`, `2 sources`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def moment(at: int | None) -> str:
    """Microseconds UTC as `2026-01-31 12:00:00Z`."""
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def _shown(cell: object) -> str:
    return _FRACTION.sub(r"\1Z", "" if cell is None else str(cell))


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    made = Table(box=_box(), pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def _box() -> Any:
    from rich import box

    return box.SIMPLE_HEAD
