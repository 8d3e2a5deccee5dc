"""The check of what sources name of each other: names that lead nowhere hide a disruption in silence."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from gateway.app.findings import Finding, Outcome
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.rows import Record
from gateway.model.snapshot import Snapshot, native_key


def check_links(
    named: Mapping[str, Collection[str]], sources: Collection[str], snapshot: Snapshot | None
) -> Iterator[Finding]:
    """
    Names that lead nowhere.

    `named`: by source, what it names of others (SOURCE/KIND/NATIVE). `sources`: those that are configured.
    `snapshot`: what was read of them; None: nothing yet. What a source that was never read shows is not known.
    """
    for origin, ends in named.items():
        for end in sorted(ends):
            source, kind, native = end.split("/", 2)
            what = f"source {origin}: {end}"
            if source not in sources:
                close = get_close_matches(source, sources, n=1)
                hint = f"Did you mean {close[0]}/{kind}/{native}?" if close else f"Configured: {', '.join(sources)}."
                yield Finding(what, Outcome.FAILED, f"no source {source!r} is configured. {hint}")
            elif snapshot is not None and _was_read(snapshot, source):
                key = NativeKey(EntityKind(kind), native)
                if not _is_shown(snapshot, source, key):
                    yield Finding(what, Outcome.WARNING, _unknown(snapshot, source, key))


def _was_read(snapshot: Snapshot, source: str) -> bool:
    row = snapshot.sources.get(source)
    return row is not None and row.last_success > 0


def _is_shown(snapshot: Snapshot, source: str, key: NativeKey) -> bool:
    index = snapshot.natives.get(native_key(source, key))
    record = snapshot.record(index) if index else None
    return record is not None and not record.gone


def _unknown(snapshot: Snapshot, source: str, key: NativeKey) -> str:
    there = [r for _, r in snapshot.records.rows() if (r.source, r.key.kind, r.gone) == (source, key.kind, False)]
    meant = [r for r in there if r.name == key.native] or _close(there, key.native)
    said = f"when source {source} was read last it showed no {key.kind} {key.native!r}"
    if not meant:
        return f"{said}. Correct it, unless it is still to come; `gateway where NAME --json` shows natives."
    names = (
        f"{source}/{r.key.kind}/{r.key.native}" + (f" ({r.name})" if r.name != r.key.native else "") for r in meant
    )
    return f"{said}. Did you mean {' or '.join(names)}?"


def _close(there: list[Record], native: str) -> list[Record]:
    by_native = {record.key.native: record for record in there}
    return [by_native[close] for close in get_close_matches(native, by_native, n=2)]
