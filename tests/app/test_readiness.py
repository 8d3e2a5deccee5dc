"""Readiness: when it begins, and that it does not end."""

from dataclasses import dataclass, replace

from gateway.app.readiness import Readiness
from gateway.model.rows import Source, SourceState
from gateway.model.snapshot import Snapshot
from gateway.support.clock import FakeClock


@dataclass
class Topology:
    snapshot: Snapshot

    def source(self, name: str, **figures: int) -> None:
        source = Source(1, "", name, "kind", SourceState.OK, 0)
        self.snapshot = replace(self.snapshot, sources={**self.snapshot.sources, name: replace(source, **figures)})


def test_each_source_is_awaited_until_it_was_read_or_has_failed() -> None:
    topology = Topology(Snapshot())
    readiness = Readiness(topology, FakeClock(0))
    readiness.expect({"b", "a", "new"})
    topology.source("a")
    topology.source("b")
    assert readiness.awaited() == ("a", "b", "new")
    topology.source("b", failures=1)
    topology.source("new", reads=1)
    assert readiness.awaited() == ("a",)
    topology.source("a", reads=1)
    assert readiness.awaited() == ()


def test_once_ready_it_stays_so() -> None:
    topology = Topology(Snapshot())
    readiness = Readiness(topology, FakeClock(0))
    readiness.expect({"a"})
    topology.source("a", reads=1)
    assert readiness.awaited() == ()
    topology.source("a", reads=0)
    assert readiness.awaited() == ()


def test_a_source_that_neither_answers_nor_fails_is_awaited_for_a_while_only() -> None:
    clock = FakeClock(0)
    readiness = Readiness(Topology(Snapshot()), clock, within_s=30)
    readiness.expect({"a"})
    clock.advance(29)
    assert readiness.awaited() == ("a",)
    clock.advance(1)
    assert readiness.awaited() == ()
