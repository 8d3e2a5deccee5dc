"""Pages: the rows of an answer in pieces, each with the key of its last row, so that no change shifts the next."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from gateway.model.ports import TopologyView
from gateway.publishers.rest import models as m
from gateway.publishers.rest import render
from gateway.publishers.rest.parameters import Key, read_cursor, write_cursor
from gateway.topology.lookup import MAX_INDEX

Row = TypeVar("Row")
Shown = TypeVar("Shown")


def page_of(
    view: TopologyView,
    now: int,
    rows: Iterator[Row],
    limit: int,
    key: Callable[[Row], Key],
    show: Callable[[Row], Shown],
) -> m.Page[Shown]:
    """The first `limit` rows; `next` carries the key of the last, so that no change in between shifts a page."""
    taken = list(islice(rows, limit + 1))
    more = len(taken) > limit
    taken = taken[:limit]
    return m.Page(
        items=[show(row) for row in taken],
        next=write_cursor(key(taken[-1])) if more else None,
        revision=view.revision,
        at=render.moment(now),
    )


def index_after(cursor: str | None) -> int:
    """The index that a cursor of rows by index begins after; 0: from the first."""
    key = read_cursor(cursor, int)
    return min(int(key[0]), MAX_INDEX) if key is not None else 0
