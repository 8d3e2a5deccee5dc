"""The command line: what it prints, where, and its exit status."""

import json
import os
import re
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from gateway.app.cli import COMMANDS, main
from gateway.app.commands_list import line
from gateway.engine.reconciler import Reconciler
from gateway.model.conditions import ConditionKind, SettleTimes
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.observations import Observation, ObservedCondition, ObservedEntity, ObservedRelation, Whole
from gateway.model.relations import RelationKind
from gateway.model.rows import Source, SourceState
from gateway.model.windows import WindowWish
from gateway.store.database import open_database
from gateway.support.clock import SystemClock
from gateway.topology.windows import declare
from tests.app.estate import CONFIGURATION, THIRD_PARTY, Estate

T0 = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("GATEWAY_", "STATE_DIRECTORY")):
            monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(str(THIRD_PARTY))


def gateway(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


@pytest.fixture
def stored(estate: Estate) -> Estate:
    """An estate whose database holds web on alpha, which then moved to beta; old is stopped."""
    estate.state.mkdir(mode=0o700)
    database = open_database(f"sqlite:///{estate.state}/topology.db")
    reconciler = Reconciler(database.repository, SettleTimes(), lambda: T0)
    reconciler.load()
    reconciler.apply(_seen(T0, {"web": "alpha", "old": "alpha"}))
    reconciler.apply(_seen(T0 + 3_600_000_000, {"web": "beta"}))
    database.close()
    return estate


def _seen(at: int, placed: dict[str, str]) -> Observation:
    hosts = [_entity(EntityKind.HYPERVISOR, host) for host in ("alpha", "beta")]
    vms = [
        _entity(EntityKind.VM, vm, EntityState.RUNNING if vm in placed else EntityState.STOPPED)
        for vm in ("web", "old")
    ]
    runs = [
        ObservedRelation(RelationKind.RUNS_ON, NativeKey(EntityKind.VM, vm), NativeKey(EntityKind.HYPERVISOR, host))
        for vm, host in placed.items()
    ]
    return Observation("estate", at, Whole(), (*hosts, *vms), tuple(runs))


def _entity(kind: EntityKind, name: str, state: EntityState = EntityState.RUNNING) -> ObservedEntity:
    return ObservedEntity(NativeKey(kind, name), name, state=state)


def test_help_names_every_command() -> None:
    said = gateway("--help").output
    assert all(f"  {command} " in said for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = gateway(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize("group", [(), ("db",), ("token",), ("snmp",)])
def test_summaries_of_commands_fit_a_terminal(group: tuple[str, ...]) -> None:
    lines = gateway(*group, "--help").output.splitlines()
    assert [line for line in lines[lines.index("Commands:") :] if line.endswith("...")] == []
    assert max(map(len, lines)) <= 80


def test_replay_names_the_kinds_that_have_recordings() -> None:
    said = re.search(r"Kinds that have recordings: (.*)\.", gateway("replay", "--help").output)
    assert said is not None
    assert "pacemaker" in said[1].split(", ")
    assert not {"declared", "simulated"} & set(said[1].split(", "))
    refused = gateway("replay", "declared", ".")
    assert refused.exit_code == 2
    assert f"kind declared have no recordings. Kinds that have: {said[1]}." in refused.stderr


def test_replay_names_a_folder_that_is_not_there_once(tmp_path: Path) -> None:
    result = gateway("replay", "pacemaker", tmp_path / "none", tmp_path)
    assert result.exit_code == 1
    none, empty = result.stderr.splitlines()
    assert none == f"gateway: {tmp_path}/none: there is no such file or folder. Name one that holds a recording."
    assert empty == f"gateway: {tmp_path}/00-before.xml cannot be read: No such file or directory."


@pytest.mark.parametrize("command", ["where", "impact", "check"])
def test_help_of_a_question_documents_its_exit_status(command: str) -> None:
    assert "Exit status: 0" in gateway(command, "--help").output


def test_where_says_0_for_what_runs_and_names_the_host(stored: Estate) -> None:
    result = gateway("where", "web", "--config", stored.config)
    assert (result.exit_code, "runs on hypervisor beta" in result.stdout) == (0, True)
    assert "none runs in" in result.stderr


def test_a_time_without_zone_is_refused_in_the_words_of_the_command_line(stored: Estate) -> None:
    for option, command in (("--at", ("where", "web")), ("--since", ("events",))):
        result = gateway(*command, option, "2026-01-02T00:30:00", "--config", stored.config)
        assert result.exit_code == 2
        assert f"gateway: {option}: the zone is missing; add Z for UTC, or an offset such as +01:00\n" in result.stderr
    assert gateway("where", "web", "--at", "2026-01-01T01:30:00+01:00", "--config", stored.config).exit_code < 2


def test_where_says_1_for_what_is_stopped(stored: Estate) -> None:
    assert gateway("where", "old", "--config", stored.config).exit_code == 1


def test_where_says_2_for_what_nobody_knows(stored: Estate) -> None:
    result = gateway("where", "nope", "--config", stored.config)
    assert result.exit_code == 2
    assert "no entity is called 'nope'" in result.stderr
    assert result.stdout == ""


def test_where_answers_about_the_past(stored: Estate) -> None:
    result = gateway("where", "web", "--at", "2026-01-01T00:30:00Z", "--config", stored.config)
    assert "alpha" in result.stdout


def test_json_is_the_body_of_rest_and_nothing_else(stored: Estate) -> None:
    body = json.loads(gateway("where", "web", "--json", "--config", stored.config).stdout)
    assert (body["status"], body["hops"][0]["entity"]["name"]) == ("placed", "beta")


def test_impact_says_1_when_something_is_affected_and_0_when_not(stored: Estate) -> None:
    assert gateway("impact", "beta", "--config", stored.config).exit_code == 1
    assert gateway("impact", "web", "--config", stored.config).exit_code == 0
    assert gateway("impact", "nope", "--config", stored.config).exit_code == 2


def test_events_lists_the_log_oldest_first(stored: Estate) -> None:
    said = gateway("events", "--config", stored.config).stdout
    assert [word for word in ("relocation", "web", "alpha", "beta") if word in said] == [
        "relocation",
        "web",
        "alpha",
        "beta",
    ]
    assert gateway("events", "--kind", "failure_raised", "--config", stored.config).stdout == "Events: none\n"
    assert gateway("events", "--since", "2026-01-02T00:00:00Z", "--config", stored.config).stdout == "Events: none\n"


@pytest.mark.parametrize("planned", [True, False])
def test_events_say_of_a_move_whether_it_was_planned_and_live(stored: Estate, planned: bool) -> None:
    heading = gateway("events", "--config", stored.config).stdout.splitlines()[1]
    assert heading.split()[5:] == ["CAUSE", "PLANNED", "LIVE", "TOLD"]
    (event,) = json.loads(gateway("events", "--json", "--config", stored.config).stdout)["items"]
    said = line({**event, "cause": "live_migration", "planned": planned, "live": not planned})
    words = ["planned", "restarted"] if planned else ["not planned", "live"]
    assert said.split("  ")[5:] == ["live_migration", *words, "yes"]
    assert line({**event, "kind": "failure_raised", "new_host": None, "text": "crashed"}).endswith("crashed  yes")
    old, new = ({"name": "local", "native": f"{host}/local"} for host in ("h1", "h2"))
    copied = line({**event, "old_host": old, "new_host": new, "kind": "storage_relocation", "planned": planned})
    assert copied.split("  ")[3:6] == ["h1/local", "h2/local", event["cause"]]
    assert copied.split("  ")[6] == words[0]


def test_a_wrong_time_is_refused_in_words(stored: Estate) -> None:
    result = gateway("where", "web", "--at", "yesterday", "--config", stored.config)
    assert (result.exit_code, "write 2026-11-21T03:00:00Z" in result.stderr) == (2, True)


def test_tables_have_no_colours_where_there_is_no_terminal(stored: Estate) -> None:
    for command in (["where", "web"], ["events"], ["impact", "beta"]):
        assert "\x1b" not in gateway(*command, "--config", stored.config).stdout


@pytest.mark.parametrize("command", [["where", "web"], ["events"], ["sources"], ["alarms"], ["impact", "web"]])
def test_without_database_and_gateway_a_question_says_so(estate: Estate, command: list[str]) -> None:
    result = gateway(*command, "--config", estate.config)
    assert result.exit_code == 2
    assert "topology.db" in result.stderr
    assert not estate.state.exists()


@pytest.mark.parametrize("command", [["run"], ["check"], ["where", "x"], ["db", "upgrade"], ["token", "list"]])
@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"[gateway", b"gateway = 3\n", b"a = [[[[[[[["])
def test_garbage_in_the_configuration_is_a_message_not_a_traceback(
    estate: Estate, command: list[str], garbage: bytes
) -> None:
    estate.config.write_bytes(garbage)
    result = gateway(*command, "--config", estate.config)
    assert result.exit_code == 2
    assert str(estate.config) in result.stderr
    assert "Traceback" not in result.stderr


def test_check_says_0_when_all_works(estate: Estate) -> None:
    result = gateway("check", "--config", estate.config)
    assert result.exit_code == 0, result.output
    assert "2 VMs" in result.stdout


def test_check_says_1_and_the_reason_when_a_source_does_not_answer(estate: Estate) -> None:
    (estate.folder / "estate.txt").unlink()
    result = gateway("check", "--json", "--config", estate.config)
    assert result.exit_code == 1
    findings = {f["what"]: f for f in json.loads(result.stdout)}
    assert findings["source estate"]["outcome"] == "failed"
    assert "No such file" in findings["source estate"]["said"]
    assert findings["database"]["outcome"] == "ok"


def test_check_says_2_when_the_configuration_is_wrong(estate: Estate) -> None:
    estate.configure(CONFIGURATION.replace("interval_s = 1", "intervall_s = 1"))
    result = gateway("check", "--config", estate.config)
    assert result.exit_code == 2
    assert "sources.estate.intervall_s: unknown key. Did you mean 'interval_s'?" in result.stderr


def test_check_finds_a_state_folder_that_others_may_enter(estate: Estate) -> None:
    estate.state.mkdir(mode=0o755)
    estate.state.chmod(0o755)
    result = gateway("check", "--config", estate.config)
    assert result.exit_code == 0
    assert f"chmod 700 {estate.state}" in result.stdout


def test_a_missing_library_of_a_source_names_the_line_that_installs_it(estate: Estate) -> None:
    estate.configure('[sources.x]\nkind = "needy"\n')
    result = gateway("run", "--config", estate.config)
    assert result.exit_code == 2
    assert "pip install '.[all]'" in result.stderr


def test_a_backup_gives_back_what_was_there(stored: Estate, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert gateway("db", "backup", copy, "--config", stored.config).exit_code == 0
    before = json.loads(gateway("where", "web", "--json", "--config", stored.config).stdout)["entity"]["id"]
    first = copy.read_bytes()
    again = gateway("db", "backup", copy, "--config", stored.config)
    assert (again.exit_code, "there is a file already. Name another, or replace it with --force" in again.stderr) == (
        2,
        True,
    )
    assert copy.read_bytes() == first
    assert gateway("db", "backup", copy, "--force", "--config", stored.config).exit_code == 0
    assert copy.read_bytes() != first
    refused = gateway("db", "restore", copy, "--config", stored.config)
    assert (refused.exit_code, "--force" in refused.stderr) == (2, True)
    for file in stored.state.glob("topology.db*"):
        file.unlink()
    assert gateway("db", "restore", copy, "--config", stored.config).exit_code == 0
    after = json.loads(gateway("where", "web", "--json", "--config", stored.config).stdout)["entity"]["id"]
    assert after == before


def test_a_backup_takes_the_place_of_a_damaged_database(stored: Estate, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert gateway("db", "backup", copy, "--config", stored.config).exit_code == 0
    for file in stored.state.glob("topology.db*"):
        file.write_bytes(b"spoilt" * 1000)
    assert gateway("db", "restore", copy, "--config", stored.config).exit_code == 2
    restored = gateway("db", "restore", copy, "--force", "--config", stored.config)
    assert restored.exit_code == 0, restored.stderr
    (aside,) = (file for file in stored.state.glob("topology.db.set-aside-*Z"))
    assert str(aside) in restored.stderr
    assert gateway("where", "web", "--config", stored.config).exit_code == 0


def test_the_state_folder_may_be_named_instead_of_the_configuration(stored: Estate) -> None:
    assert gateway("where", "web", "--state-dir", stored.state).exit_code == 0


def test_a_token_is_shown_once_and_listed_without_its_secret(estate: Estate) -> None:
    made = gateway("token", "create", "noc", "--role", "read", "--days", "30", "--config", estate.config)
    secret = made.stdout.strip()
    assert made.exit_code == 0
    assert len(secret) >= 32
    listed = gateway("token", "list", "--config", estate.config).stdout
    assert "noc" in listed
    assert "read" in listed
    assert secret not in listed
    assert gateway("token", "create", "noc", "--role", "read", "--config", estate.config).exit_code == 2
    assert gateway("token", "revoke", "noc", "--config", estate.config).exit_code == 0
    assert gateway("token", "revoke", "noc", "--config", estate.config).exit_code == 2


def test_a_token_of_an_unknown_role_is_refused(estate: Estate) -> None:
    result = gateway("token", "create", "x", "--role", "root", "--config", estate.config)
    assert (result.exit_code, "Give read, admin, or ingest:SOURCE" in result.stderr) == (2, True)


def test_a_token_for_a_source_that_is_not_there_is_refused_with_those_that_are(stored: Estate) -> None:
    wrong = ("token", "create", "x", "--role", "ingest:nosuch")
    refused = gateway(*wrong, "--config", stored.config)
    assert refused.exit_code == 2
    assert "no source has that name. Configured: estate." in refused.stderr
    assert "Tokens: none" in gateway("token", "list", "--config", stored.config).stdout
    warned = gateway(*wrong, "--state-dir", stored.state)
    assert (warned.exit_code, "no source 'nosuch' is known yet" in warned.stderr) == (0, True)
    right = gateway("token", "create", "y", "--role", "ingest:estate", "--config", stored.config)
    assert (right.exit_code, right.stderr.strip()) == (0, "Keep the secret; it is shown this once:")


def test_without_a_gateway_it_is_the_configuration_that_says_when_data_are_stale(estate: Estate) -> None:
    read_40_s_ago = SystemClock().now() - 40_000_000
    estate.state.mkdir(mode=0o700)
    database = open_database(f"sqlite:///{estate.state}/topology.db")
    reconciler = Reconciler(database.repository, SettleTimes(), lambda: read_40_s_ago)
    reconciler.load()
    reconciler.register(Source(0, "", "estate", "estate", SourceState.OK, 10_000_000))
    reconciler.apply(_seen(read_40_s_ago, {"web": "alpha"}))
    database.close()

    def stale() -> bool:
        return json.loads(gateway("where", "web", "--json", "--config", estate.config).stdout)["hops"][0]["stale"]

    assert stale()
    estate.configure(CONFIGURATION + "[settle]\nstale_intervals = 1000\n")
    assert not stale()


def test_alarms_of_two_things_of_one_name_are_told_apart_by_their_kind(estate: Estate) -> None:
    estate.state.mkdir(mode=0o700)
    database = open_database(f"sqlite:///{estate.state}/topology.db")
    reconciler = Reconciler(database.repository, SettleTimes(), lambda: T0)
    reconciler.load()
    kinds = (EntityKind.HYPERVISOR, EntityKind.PHYSICAL_HOST)
    slow = tuple(ObservedCondition(ConditionKind.DEGRADED, NativeKey(kind, "h2"), text="slow") for kind in kinds)
    things = tuple(_entity(kind, "h2") for kind in kinds)
    reconciler.apply(Observation("estate", T0, Whole(), things, (), slow))
    reconciler.settle(T0 + 10_000_000)
    database.close()
    said = gateway("alarms", "--config", estate.config).stdout
    assert re.search(r"degraded\s+hypervisor\s+h2\s", said)
    assert re.search(r"degraded\s+physical_host\s+h2\s", said)


def test_the_environment_overrides_the_file(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SOURCES__ESTATE__INTERVAL_S", "0")
    result = gateway("check", "--config", estate.config)
    assert result.exit_code == 2
    assert "GATEWAY_SOURCES__ESTATE__INTERVAL_S" in result.stderr


def test_a_socket_that_is_no_path_is_refused_in_words(stored: Estate) -> None:
    stored.configure(CONFIGURATION + "unix_socket = 5\n")
    result = gateway("where", "web", "--config", stored.config)
    assert result.exit_code == 2
    assert "publishers.rest.unix_socket = 5: " in result.stderr


# -- planned windows -------------------------------------------------------------------------------------------


def test_a_window_wants_a_gateway_that_runs(stored: Estate):
    opened = gateway("window", "open", "alpha", "--until", "2h", "--name", "work", "--state-dir", stored.state)
    assert opened.exit_code == 2
    assert "gateway run" in opened.stderr


def test_windows_are_listed_and_say_so_where_no_gateway_runs(stored: Estate):
    database = open_database(f"sqlite:///{stored.state}/topology.db")
    reconciler = Reconciler(database.repository, SettleTimes(), SystemClock().now)
    snapshot = reconciler.load()
    (alpha,) = snapshot.named("alpha")
    now = SystemClock().now()
    wish = WindowWish("kernel update", (alpha.index,), now, now + 3_600_000_000, "CHG-1", "alice")
    _, changes, _ = declare(snapshot, wish, now, lambda: str(uuid4()))
    database.repository.commit(changes)
    database.close()
    listed = gateway("window", "list", "--state-dir", stored.state)
    assert re.search(r"^1 +kernel update +active .*alpha \(hypervisor\) +alice +0 +0\n +CHG-1$", listed.stdout, re.M)
    (window,) = json.loads(gateway("window", "list", "--json", "--state-dir", stored.state).stdout)["items"]
    assert (window["name"], window["declared_by"]) == ("kernel update", "alice")
    assert (
        'planned: in the window "kernel update" until' in gateway("impact", "alpha", "--state-dir", stored.state).stdout
    )
    (event,) = gateway("events", "--kind", "window_started", "--state-dir", stored.state).stdout.splitlines()[2:]
    assert "window_started  alpha" in event
    assert 'planned window "kernel update" (CHG-1) has begun' in event
