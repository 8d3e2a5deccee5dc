"""A recording of a fleet replays as what was seen."""

import json
from pathlib import Path

import pytest

from gateway.collectors.libvirt.recorder import MOST, Recorder
from gateway.collectors.libvirt.records import (
    Domain,
    DomainDefinition,
    DomainEvent,
    DomainReading,
    DomainStatus,
    HostFacts,
    HostReading,
)
from gateway.collectors.libvirt.replay import replay
from gateway.model.entities import EntityKind
from gateway.model.relations import Arrival, RelationKind

T0 = 1_790_000_000_000_000
WEB = "6c6fcf75-5392-5ee5-b6dd-01e1d286b245"
RUNNING, ARRIVED, INCOMING, LEFT = (1, 1), (1, 2), (3, 2), (5, 4)


def at(seconds: float) -> int:
    return T0 + round(seconds * 1_000_000)


def web(state: tuple[int, int]) -> Domain:
    return Domain(DomainStatus(WEB, "web", 1, *state), DomainDefinition())


def whole(host: str, *domains: Domain) -> HostReading:
    return HostReading(host, HostFacts(), domains)


def some(host: str, *domains: Domain) -> DomainReading:
    return DomainReading(host, frozenset({WEB}), domains)


def lifecycle(seconds: float, host: str, *detail: str) -> DomainEvent:
    return DomainEvent(at(seconds), host, WEB, "web", "LIFECYCLE", detail)


def lines(recorder: Recorder) -> list[list[object]]:
    recorder.write()
    return [json.loads(line) for line in recorder.file.read_text().splitlines()]


def test_only_what_changed_of_a_read_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "fleet", at(0))
    recorder.read(at(1), whole("h1", web(RUNNING)))
    recorder.read(at(61), whole("h1", web(RUNNING)))
    recorder.read(at(62), some("h1", web(RUNNING)))
    recorder.lost("h1", at(70), "gone")
    recorder.lost("h1", at(71), "still gone")
    recorder.read(at(80), whole("h1"))
    assert lines(recorder) == [
        [0, "-", "READY", T0 // 1_000_000],
        [1, "h1", "DOMAIN", WEB, "web", 1, 1, 0],
        [1, "h1", "HOST", [WEB]],
        [70, "h1", "CLOSE", "gone"],
        [80, "h1", "HOST", []],
    ]


def test_a_recorded_migration_replays_as_one(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "fleet", at(0))
    recorder.read(at(0.1), whole("h1", web(RUNNING)))
    recorder.read(at(0.1), whole("h2"))
    recorder.event(lifecycle(5, "h2", "STARTED", "MIGRATED"))
    recorder.read(at(5.1), some("h2", web(INCOMING)))
    recorder.event(lifecycle(6, "h2", "RESUMED", "MIGRATED"))
    recorder.read(at(6.1), some("h2", web(ARRIVED)))
    recorder.event(lifecycle(6.3, "h1", "STOPPED", "MIGRATED"))
    recorder.read(at(6.4), some("h1", web(LEFT)))
    recorder.read(at(9), some("h1"))
    recorder.write()
    seen = [recording.observation for recording in replay(recorder.file) if recording.observation is not None]
    homes = [
        (relation.upper.native, relation.lower.native, relation.arrival)
        for observation in seen
        for relation in observation.relations
        if relation.kind is RelationKind.RUNS_ON and relation.upper.kind is EntityKind.VM
    ]
    assert homes[0][:2] == (WEB, "h1")
    assert homes[-1] == (WEB, "h2", Arrival.LIVE)


def test_a_folder_that_is_not_there_costs_the_recording_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path / "none", "fleet", at(0))
    recorder.write()
    recorder.read(at(1), whole("h1"))
    recorder.write()
    assert caplog.text.count("cannot be written, the recording has a gap: No such file") == 1


def test_events_that_nobody_writes_down_are_dropped_beyond_a_bound_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(tmp_path, "fleet", at(0))
    for second in range(MOST + 5):
        recorder.event(lifecycle(second, "h1", "SUSPENDED", "PAUSED"))
    assert len(lines(recorder)) == MOST
    assert "lacks 6 events" in caplog.text
    recorder.event(lifecycle(20_000, "h1", "RESUMED", "UNPAUSED"))
    assert lines(recorder)[-1] == [20_000, "h1", "LIFECYCLE", "web", "RESUMED", "UNPAUSED"]
