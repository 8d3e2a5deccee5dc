"""`gateway replay libvirt` tells of every recording exactly what was written down by hand before the code ran."""

import json
import shutil
from pathlib import Path

import pytest

from gateway.app.replay import replay_folder
from gateway.collectors.libvirt import PLUGIN
from gateway.collectors.libvirt.replay import replay
from gateway.model.errors import SourceMalformed, SourceUnavailable
from gateway.model.observations import Whole

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings"
EXPECTED = sorted((HERE / "expected").glob("*.json"))


def played(path: Path) -> dict:
    return replay_folder(PLUGIN, str(path)).as_json()


def by_time_and_name(event: dict) -> tuple:
    return (event["at"], event["entity"], event["kind"])


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_a_recording_tells_exactly_what_is_expected(expected):
    wanted = json.loads(expected.read_text())
    got = played(RECORDINGS / expected.stem)
    assert sorted(got["events"], key=by_time_and_name) == sorted(wanted["events"], key=by_time_and_name)
    assert got["states"][-1]["placements"] == wanted["placements"]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_a_recording_gives_the_same_each_time(expected):
    assert played(RECORDINGS / expected.stem) == played(RECORDINGS / expected.stem)


def test_every_recording_has_an_expected_file():
    assert {path.name for path in RECORDINGS.iterdir()} == {path.stem for path in EXPECTED}


def test_a_file_is_a_recording_too():
    folder = RECORDINGS / "lifecycle"
    assert list(replay(folder / "events.jsonl")) == list(replay(folder))


def test_two_connections_are_two_hosts_until_the_folder_says_otherwise(tmp_path):
    hosts = {recording.observation.covers for recording in replay(RECORDINGS / "splitbrain-hostcrash")}
    assert hosts == {Whole("h1"), Whole("h2")}
    shutil.copy(RECORDINGS / "splitbrain-hostcrash" / "events.jsonl", tmp_path)
    hosts = {recording.observation.covers for recording in replay(tmp_path)}
    assert hosts == {Whole("h1"), Whole("h2"), Whole("t2")}


def test_a_host_that_is_not_heard_of_says_nothing_until_its_next_line(tmp_path):
    lines = [
        [0, "h1", "DOMAIN", "u1", "vm1", 1, 1],
        [5, "h1", "CLOSE", 1],
        [20, "h1", "DOMAIN", "u1", "vm1", 5, 0],
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    got = played(tmp_path)
    assert [state["at"] for state in got["states"]] == [0.0, 0.0, 20.0]
    assert [(event["at"], event["kind"], event["cause"]) for event in got["events"]] == [
        (30.0, "failure_raised", "crashed")  # active before its host restarted, and not back 10 s after
    ]


def test_a_domain_that_resumes_where_it_was_handed_over_has_not_moved(tmp_path):
    lines = [
        [1, "h2", "LIFECYCLE", "vm1", "STARTED", "MIGRATED"],
        [2, "h1", "LIFECYCLE", "vm1", "SUSPENDED", "MIGRATED"],
        [3, "h1", "LIFECYCLE", "vm1", "RESUMED", "MIGRATED"],
        [4, "h2", "LIFECYCLE", "vm1", "STOPPED", "DESTROYED"],
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [(event["at"], event["kind"]) for event in played(tmp_path)["events"]] == [(3.0, "migration_failed")]
    shown = [recording for recording in replay(tmp_path) if recording.at_s == 3.0]
    (runs_on,) = [r for r in shown[0].observation.relations if r.kind == "runs_on" and r.upper.kind == "vm"]
    assert (runs_on.phase, runs_on.arrival) == ("stable", "restart")


def test_a_complete_read_ends_what_it_does_not_list(tmp_path):
    lines = [
        [0, "h1", "DOMAIN", "u1", "vm1", 5, 1],
        [0, "h1", "DOMAIN", "u2", "vm2", 1, 1],
        [9, "h1", "HOST", ["u2"]],
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    *_, last = replay(file)
    assert [entity.name for entity in last.observation.entities if entity.key.kind == "vm"] == ["vm2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{", "is no JSON"),
        ('{"a": 1}', "a line is [seconds, host, event, argument...]"),
        ('["0", "h1", "X"]', "is no time"),
        ('[-1, "h1", "X"]', "is no time"),
        ('[NaN, "h1", "X"]', "is no time"),
        ('[0, 1, "X"]', "host and event are texts"),
        ('[0, "h1", "LIFECYCLE", "vm1"]', "LIFECYCLE has a domain, an event and a detail"),
        ('[0, "h1", "LIFECYCLE", ["vm1"], "STARTED", "BOOTED"]', "argument 1 of LIFECYCLE is no text"),
        ('[0, "h1", "DOMAIN", "u", "vm1", "running", 1]', "argument 3 of DOMAIN is no whole number"),
        ('[0, "h1", "DOMAIN", "u", "vm1", 99, 1]', "libvirt has no state 99"),
        ('[0, "h1", "HOST", "u"]', "the argument of HOST is a list"),
        ('[0, "-", "READY", "now"]', "is no time in seconds since 1970"),
    ],
)
def test_a_line_that_is_none_is_named_with_its_file(tmp_path, text, said):
    file = tmp_path / "events.jsonl"
    file.write_text(text)
    with pytest.raises(SourceMalformed) as caught:
        list(replay(tmp_path))
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_recording_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(SourceUnavailable, match=r"holds no recording: there is no events\.jsonl in it"):
        list(replay(tmp_path))
