"""`gateway replay pacemaker` tells of every recording exactly what was written down by hand before the code ran."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app.cli import main

HERE = Path(__file__).parent
EXPECTED = sorted((HERE / "expected").glob("*.json"))
RECORDINGS = HERE / "recordings"
MOVED = HERE / "recordings" / "guest-node-moves"


def folder_of(name: str) -> Path:
    return RECORDINGS / name


def replay(*folders: Path | str) -> list[dict]:
    result = CliRunner().invoke(main, ["replay", "pacemaker", "--json", *map(str, folders)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def by_time_and_name(event: dict) -> tuple:
    return (event["at"], event["entity"], event["kind"])


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_a_recording_tells_exactly_what_is_expected(expected):
    wanted = json.loads(expected.read_text())
    (got,) = replay(folder_of(expected.stem))
    assert sorted(got["events"], key=by_time_and_name) == sorted(wanted["events"], key=by_time_and_name)
    last = sorted(got["states"][-1]["placements"], key=lambda row: (row["entity"], row["host"]))
    assert last == wanted["placements"]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_there_is_a_state_for_each_view_that_could_be_read(expected):
    folder = folder_of(expected.stem)
    views = sorted(path for path in folder.glob("*.xml") if path.name == "00-before.xml" or "-t" in path.stem)
    readable = [path for path in views if "<nodes>" in path.read_text()]
    times = [0.0 if path.name == "00-before.xml" else float(path.stem.partition("-t")[2]) for path in readable]
    (got,) = replay(folder)
    assert [state["at"] for state in got["states"]] == times


def test_every_recording_has_an_expected_file():
    assert {path.name for path in RECORDINGS.iterdir()} == {path.stem for path in EXPECTED}


def test_several_folders_give_a_line_each_in_the_order_given():
    folders = [HERE / "recordings" / name for name in ("split-brain", "cloned-group", "split-brain")]
    assert [line["folder"] for line in replay(*folders)] == [str(folder) for folder in folders]


def test_a_folder_that_cannot_be_read_gives_no_line_and_the_others_go_on(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "00-before.xml").write_text("<pacemaker-result")
    args = ["replay", "pacemaker", "--json", str(empty), str(MOVED), str(broken), str(tmp_path / "none")]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 1
    assert [json.loads(line)["folder"] for line in result.stdout.splitlines()] == [str(MOVED)]
    for folder in ("empty", "broken", "none"):
        assert str(tmp_path / folder) in result.stderr
    assert "Traceback" not in result.stderr


def test_other_files_in_the_folder_are_ignored(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(MOVED, copy)
    (copy / "notes.xml").write_text("<not-a-view/>")
    (copy / "journal.log").write_bytes(b"\xff\x00")
    (got,) = replay(copy)
    (want,) = replay(MOVED)
    assert (got["states"], got["events"]) == (want["states"], want["events"])


def test_for_people_it_is_a_table():
    result = CliRunner().invoke(main, ["replay", "pacemaker", str(MOVED)])
    assert result.exit_code == 0
    assert "vm-guest" in result.stdout
    assert "evacuation" in result.stdout


def test_an_unknown_kind_says_which_there_are():
    result = CliRunner().invoke(main, ["replay", "pacemakr", str(MOVED)])
    assert result.exit_code == 2
    assert "pacemaker" in result.stderr
