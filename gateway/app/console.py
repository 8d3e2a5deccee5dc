"""Console: what people see of the commands. Tables and colours on a terminal, plain text elsewhere."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH = 500
"""Columns where no terminal says how wide it is: a row in a file is one line."""


def console() -> Console:
    """Standard output; without colours, and wide, when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print one table; a cell is text, None is empty. Says so when there are no rows."""
    made = Table(box=None if not sys.stdout.isatty() else _box(), pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        made.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
        count += 1
    if count:
        click.echo(title)
        console().print(made)
    else:
        click.echo(f"{title}: none")


def note(message: str) -> None:
    """Tell a person something beside the result: standard error."""
    click.echo(message, err=True)


def one_line_json(document: Any) -> None:
    """Print a document as one line of JSON."""
    click.echo(json.dumps(document, ensure_ascii=False, separators=(", ", ": ")))


def moment(at: int | None) -> str:
    """Microseconds UTC as `2026-01-31 12:00:00Z`."""
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def _box() -> Any:
    from rich import box

    return box.SIMPLE_HEAD
