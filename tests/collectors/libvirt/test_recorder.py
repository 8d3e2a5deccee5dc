"""A recording of a fleet replays as what was seen."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app.cli import main
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
from gateway.model.errors import SourceUnavailable
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


def test_a_folder_that_cannot_be_costs_the_recording_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder(tmp_path / "file" / "below", "fleet", at(0))
    recorder.write()
    recorder.read(at(1), whole("h1"))
    recorder.write()
    assert caplog.text.count("cannot be written, the recording has a gap: Not a directory") == 1


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


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "records" / "fleet", "fleet", T0)
    recorder.read(T0, whole("h1", web(RUNNING)))
    assert [line[2] for line in lines(recorder)] == ["READY", "DOMAIN", "HOST"]


def test_a_folder_with_one_recording_is_replayed_and_one_with_several_says_which_to_name(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"holds no recording: .*\.jsonl"):
        list(replay(tmp_path))
    for start in (0, 3600):
        recorder = Recorder(tmp_path, "fleet", at(start))
        recorder.read(at(start), whole("h1", web(RUNNING)))
        recorder.write()
        if start == 0:
            assert list(replay(tmp_path)) == list(replay(recorder.file))
    with pytest.raises(SourceUnavailable, match=rf"2 recordings, .* Name the one that is meant: {recorder.file}$"):
        list(replay(tmp_path))


def test_people_are_told_the_name_of_a_vm_and_programs_its_uuid(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "fleet", T0)
    recorder.read(T0, whole("h1", web(RUNNING)))
    recorder.read(at(1), whole("h2"))
    recorder.read(at(9), whole("h1"))
    recorder.read(at(9), whole("h2", web(ARRIVED)))
    recorder.write()
    shown = CliRunner().invoke(main, ["replay", "libvirt", str(tmp_path)]).stdout
    assert re.search(r"relocation +web +h1 +h2 ", shown)
    assert re.search(r"^web +\S* *h2", shown, re.MULTILINE)
    assert WEB not in shown
    body = json.loads(CliRunner().invoke(main, ["replay", "libvirt", "--json", str(tmp_path)]).stdout)
    assert body["states"][-1]["placements"][0]["entity"] == body["events"][0]["entity"] == WEB
