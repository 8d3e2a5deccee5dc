"""A gateway from start to stop: it runs, answers, takes over a new configuration, and ends cleanly."""

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from tests.app.estate import CONFIGURATION, Estate, environment

RECENT = "1.3.6.1.4.1.32473.7163.1.10"
"""topoRecentTable."""
ENGINE_ID = "1.3.6.1.6.3.10.2.1.1.0"
TRAPS = """
[receivers.console]
kind = "snmp"
host = "192.0.2.1"
version = "3"
user = "noc"
auth = "SHA-256"
auth_password = "a password for the test"
"""
SECOND_SOURCE = """
[sources.annex]
kind = "estate"
file = "annex.txt"
interval_s = 1
"""


def test_a_move_is_seen_by_every_command(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.place("web beta", "db beta")
        gateway.wait_until("where", "web", said="runs on hypervisor beta")
        gateway.wait_until("events", said="relocation")

        events = json.loads(estate.command("events", "--json").stdout)["items"]
        assert [(e["entity"]["name"], e["old_host"]["name"], e["new_host"]["name"]) for e in events] == [
            ("web", "alpha", "beta")
        ]
        before = events[0]["at"]
        sources = json.loads(estate.command("sources", "--json").stdout)["items"]
        assert [(s["name"], s["state"]) for s in sources] == [("estate", "ok")]
        assert "Alarms: none" in estate.command("alarms").stdout
        impact = estate.command("impact", "beta")
        assert impact.returncode == 1
        assert "2 lost" in impact.stdout
        assert estate.command("impact", "web").returncode == 0
        past = estate.command("where", "web", "--at", _a_little_before(before))
        assert "alpha" in past.stdout


def test_what_happened_lately_is_a_table_of_the_agent_also_after_a_restart(estate: Estate) -> None:
    for _start in range(2):
        with estate.start() as gateway:
            gateway.wait_until("where", "web", said="alpha" if _start == 0 else "beta")
            estate.place("web beta", "db beta")
            gateway.wait_until("events", said="relocation")
            walk = re.findall(r"so ask it: (SNMPCONFPATH=.* snmpbulkwalk) (\S+) ", gateway.log)[-1]
            said = subprocess.run(
                f"{walk[0]} -On {walk[1]} {RECENT}", shell=True, capture_output=True, text=True, timeout=20, check=True
            ).stdout
            assert said.count('"web"') == 1, said
            gateway.signal(signal.SIGTERM)
            assert gateway.process.wait(15) == 0


def test_named_gateways_answer_under_their_own_engine_ids_and_tell_under_one(estate: Estate) -> None:
    asked, told = [], []
    for name in ("gw1", "gw2", "gw1"):
        estate.configure(CONFIGURATION.replace("[gateway]", f'[gateway]\ninstance = "{name}"') + TRAPS)
        with estate.start() as gateway:
            gateway.wait_until("where", "web", said="alpha")
            get = re.findall(r"so ask it: (SNMPCONFPATH=.*) snmpbulkwalk (\S+) ", gateway.log)[-1]
            command = f"{get[0]} snmpget -Oqvx {get[1]} {ENGINE_ID}"
            asked.append(subprocess.check_output(command, shell=True, text=True, timeout=20).replace(" ", ""))
            printed = estate.command("snmp", "receiver-config", "console").stdout
            told.append(re.findall(r"createUser -e 0x([0-9a-f]+)", printed))
    assert asked[0] == asked[2] != asked[1]
    assert told[0] == told[1] == told[2]
    assert told[0][0].upper() not in "".join(asked)


def test_it_stops_cleanly_and_soon_on_sigterm_and_goes_on_where_it_was(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(15) == 0
        assert time.monotonic() - started < 8
        assert "gateway: has stopped" in gateway.log
        assert not (estate.state / "gateway.sock").exists()
    first = json.loads(estate.command("where", "web", "--json").stdout)["entity"]
    estate.place("web beta", "db beta")
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="beta")
        gateway.wait_until("events", said="relocation")
        again = json.loads(estate.command("where", "web", "--json").stdout)["entity"]
    assert (again["index"], again["id"]) == (first["index"], first["id"])


def test_it_stops_on_ctrl_c(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.signal(signal.SIGINT)
        assert gateway.process.wait(15) == 0


def test_a_library_that_hangs_does_not_hold_up_the_end(estate: Estate) -> None:
    estate.configure(CONFIGURATION.replace("interval_s = 1", "interval_s = 1\nhang = true"))
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(12) == 0
        assert "gateway: has stopped" in gateway.log


def test_without_a_configuration_it_runs_a_simulated_estate_and_the_commands_find_it(tmp_path: Path) -> None:
    environ = {
        **environment(),
        "XDG_STATE_HOME": str(tmp_path),
        "GATEWAY_PUBLISHERS__SNMP__LISTEN": '["127.0.0.1:0"]',
        "GATEWAY_PUBLISHERS__REST__LISTEN": "127.0.0.1:0",
    }
    gateway = [sys.executable, "-m", "gateway"]
    running = subprocess.Popen([*gateway, "run"], env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        said = running.stderr.readline()
        assert "no configuration was given: this is a simulated estate" in said
        while "runs as process" not in said:
            said = running.stderr.readline()
            assert said, "it ended"
        sources = subprocess.run([*gateway, "sources"], env=environ, capture_output=True, text=True, timeout=30)
        assert "simulated" in sources.stdout
    finally:
        running.terminate()
        running.communicate(timeout=15)
    assert running.returncode == 0


def test_it_is_ready_when_each_source_was_read_or_has_failed_once(estate: Estate) -> None:
    address = estate.folder / "notify.sock"
    estate.configure(CONFIGURATION + SECOND_SOURCE + "patient = true\n" + SECOND_SOURCE.replace("annex", "missing"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(20)
        with estate.start(NOTIFY_SOCKET=str(address)) as gateway:
            assert systemd.recv(100) == b"STATUS=reading each source for the first time"
            gateway.wait_until("sources", said='"state":"failing"')
            gateway.wait_until("where", "web", said="alpha")
            url = next(word.rstrip(",") for word in gateway.log.split() if word.startswith("http://"))
            waits = httpx.get(f"{url}/readyz")
            assert (waits.status_code, waits.json()["reasons"]) == (
                503,
                ["sources that are read for the first time: annex"],
            )
            assert "gateway: is ready" not in gateway.log
            estate.place("mail gamma", file="annex.txt")
            assert systemd.recv(100) == b"READY=1\nSTATUS=ready"
            assert httpx.get(f"{url}/readyz").status_code == 200


def test_a_killed_gateway_leaves_nothing_in_the_way_of_the_next(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        gateway.process.kill()
        gateway.process.wait()
        assert (estate.state / "gateway.sock").exists()
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")


def test_without_a_running_gateway_the_database_answers_and_that_is_said(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(15)
    answer = estate.command("where", "web")
    assert answer.returncode == 0
    assert "runs on hypervisor alpha" in answer.stdout
    assert f"none runs in {estate.state}" in answer.stderr


def test_state_is_for_its_owner_only(estate: Estate) -> None:
    with estate.start():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (estate.state, *estate.state.iterdir())}
    assert modes["state"] == 0o700
    assert modes["gateway.sock"] == 0o600
    assert modes["lock"] == 0o600


def test_a_second_gateway_in_the_same_state_folder_is_refused(estate: Estate) -> None:
    with estate.start() as gateway:
        second = estate.command("run")
        assert second.returncode == 2
        assert f"in use by process {gateway.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        restore = estate.command("db", "restore", str(estate.config))
        assert restore.returncode == 2
        assert "in use by process" in restore.stderr


def test_a_port_that_is_taken_is_said_at_the_start(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        estate.configure(CONFIGURATION.replace('["127.0.0.1:0"]', f'["127.0.0.1:{port}"]'))
        run = estate.command("run")
    assert run.returncode == 2
    assert f"publishers.snmp.listen = '127.0.0.1:{port}'" in run.stderr
    assert "Traceback" not in run.stderr


def test_all_ports_that_are_taken_are_said_at_once(estate: Estate) -> None:
    with ExitStack() as stack:
        kinds = (socket.SOCK_DGRAM, socket.SOCK_DGRAM, socket.SOCK_STREAM)
        taken = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for kind in kinds]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        first, second, rest = (f"127.0.0.1:{each.getsockname()[1]}" for each in taken)
        taken[2].listen()
        listen = CONFIGURATION.replace('["127.0.0.1:0"]', f'["{first}", "{second}"]')
        estate.configure(listen.replace('"127.0.0.1:0"', f'"{rest}"'))
        run = estate.command("run")
    assert run.returncode == 2
    for key, address in (("snmp", first), ("snmp", second), ("rest", rest)):
        assert f"publishers.{key}.listen = '{address}'" in run.stderr
    assert "Traceback" not in run.stderr


def test_sighup_starts_what_is_new_and_leaves_alone_what_did_not_change(estate: Estate) -> None:
    estate.place("mail gamma", file="annex.txt")
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        estate.configure(CONFIGURATION + SECOND_SOURCE)
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("the configuration was read again")
        gateway.wait_until("where", "mail", said="gamma")
        assert "source estate: restarts" not in gateway.log

        estate.configure(CONFIGURATION.replace("interval_s = 1", "interval_s = 2") + SECOND_SOURCE)
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("source estate: restarts with its new settings")
        assert "source annex: restarts" not in gateway.log


def test_sighup_takes_over_how_long_a_silent_source_is_believed(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        estate.configure(CONFIGURATION + "[settle]\nstale_intervals = 1000\nstale_disconnect = 0.1\n")
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("the configuration was read again")
        assert "takes effect at the next start" not in gateway.log
        gateway.wait_until("sources", said='"state":"ok"')
        (estate.folder / "estate.txt").unlink()
        gateway.wait_until("alarms", said="sourceStale", seconds=8)


def test_sighup_says_which_changes_need_a_restart(estate: Estate) -> None:
    with estate.start() as gateway:
        changed = CONFIGURATION.replace('state_dir = "state"', 'state_dir = "state"\nretention_days = 7')
        community = '[publishers.snmp.communities.noc]\ncommunity = "not-for-the-log"\n'
        estate.configure(changed + "max_connections = 5\n" + community)
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("the configuration was read again")
        keys = "gateway.retention_days, publishers.snmp.communities, publishers.rest.max_connections"
        assert f"{keys} changed: that takes effect at the next start, restart it" in gateway.log
        assert "not-for-the-log" not in gateway.log


def test_sighup_stops_a_source_that_is_gone_and_keeps_what_is_known_of_it(estate: Estate) -> None:
    estate.place("mail gamma", file="annex.txt")
    estate.configure(CONFIGURATION + SECOND_SOURCE)
    with estate.start() as gateway:
        gateway.wait_until("where", "mail", said="gamma")
        estate.configure(CONFIGURATION)
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("source annex: is stopped")
        gateway.wait_until("sources", said="disabled")
        assert "gamma" in estate.command("where", "mail").stdout


def test_a_wrong_new_configuration_is_refused_and_the_old_one_goes_on(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        estate.configure(CONFIGURATION.replace("interval_s = 1", "interval_s = 0"))
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("the new configuration is refused, the old one goes on")
        assert "sources.estate.interval_s = 0: must be greater than or equal to 1" in gateway.log
        estate.place("web beta", "db beta")
        gateway.wait_until("where", "web", said="beta")


def test_a_source_that_fails_is_told_once_and_its_data_stay(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        (estate.folder / "estate.txt").unlink()
        gateway.wait_until("alarms", said="sourceStale", seconds=40)
        assert "alpha" in estate.command("where", "web").stdout
        assert gateway.log.count("source estate: failed, trying again") == 1
        estate.place("web alpha", "db beta")
        gateway.wait_for_log("source estate: is back", 60)


def test_a_hint_over_rest_makes_the_source_look_at_once(estate: Estate) -> None:
    estate.configure(CONFIGURATION.replace("interval_s = 1", "interval_s = 3600"))
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        token = estate.command("token", "create", "agent", "--role", "ingest:estate").stdout.strip()
        url = next(word.rstrip(",") for word in gateway.log.split() if word.startswith("http://"))
        headers = {"Authorization": f"Bearer {token}"}
        estate.place("web beta", "db beta")
        assert httpx.post(f"{url}/ingest/estate", content=b"look now", headers=headers).status_code == 202
        gateway.wait_until("where", "web", said="beta")
        assert httpx.post(f"{url}/ingest/estate", content=b"?", headers=headers).status_code == 400
        assert httpx.post(f"{url}/ingest/other", content=b"?", headers=headers).status_code in (403, 404)
        assert httpx.get(f"{url}/api/v1/sources", headers=headers).status_code == 403


def test_the_log_never_shows_a_secret(estate: Estate) -> None:
    estate.configure(
        CONFIGURATION.replace('state_dir = "state"', 'state_dir = "state"\nlog_level = "DEBUG"')
        + '[publishers.snmp.communities.c]\ncommunity = "community-secret"\n'
    )
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        token = estate.command("token", "create", "me", "--role", "read").stdout.strip()
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(15)
    assert "community-secret" not in gateway.log
    assert token not in gateway.log
    with sqlite3.connect(estate.state / "topology.db") as database:
        assert token not in "".join(database.iterdump())


def test_events_are_followed_as_they_happen(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        following = subprocess.Popen(
            [sys.executable, "-m", "gateway", "events", "--follow", "--state-dir", str(estate.state)],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        try:
            time.sleep(3)
            estate.place("web beta", "db beta")
            assert following.stdout is not None
            line = following.stdout.readline()
        finally:
            following.send_signal(signal.SIGINT)
            status = following.wait(10)
    assert "relocation  web  alpha  beta" in line
    assert status in (0, 1, 130)


def test_those_before_are_shown_first_when_it_is_followed_since_a_time_or_with_a_limit(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="alpha")
        for host in ("beta", "alpha"):
            estate.place(f"web {host}", "db beta")
            gateway.wait_until("where", "web", said=host)
        gateway.wait_until("events", said='"old_host":{"index"')
        for option, count in (("--since=2026-01-01T00:00:00Z", 2), ("--limit=1", 1)):
            following = subprocess.Popen(
                [sys.executable, "-m", "gateway", "events", "--follow", option, "--state-dir", str(estate.state)],
                stdout=subprocess.PIPE,
                env=environment(),
                text=True,
            )
            try:
                assert following.stdout is not None
                shown = [following.stdout.readline() for _ in range(count)]
                estate.place("web gamma", "db beta")
                after = following.stdout.readline()
                estate.place("web alpha", "db beta")
                following.stdout.readline()
            finally:
                following.kill()
                following.wait()
            moves = [line.split()[2:5] for line in shown]
            assert moves[-1] == ["web", "beta" if count == 2 else "gamma", "alpha"]
            assert count == 1 or moves[0] == ["web", "alpha", "beta"]
            assert after.split()[2:5] == ["web", "alpha", "gamma"]


def _a_little_before(at: str) -> str:
    return (datetime.fromisoformat(at) - timedelta(milliseconds=200)).isoformat().replace("+00:00", "Z")


def test_on_postgresql_it_runs_the_same_and_is_backed_up_into_a_file(estate: Estate, postgresql_url: str) -> None:
    database = f'state_dir = "state"\ndatabase = "{postgresql_url}"'
    estate.configure(CONFIGURATION.replace('state_dir = "state"', database))
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.place("web beta", "db beta")
        gateway.wait_until("events", said="relocation")
        backup = estate.command("db", "backup", "copy.db")
        assert backup.returncode == 0, backup.stderr
        check = estate.command("check")
        assert check.returncode == 0, check.stdout
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(15) == 0
    assert not (estate.state / "topology.db").exists()
    assert (estate.folder / "copy.db").stat().st_size > 0
    assert "runs on hypervisor beta" in estate.command("where", "web").stdout


def test_the_command_line_finds_a_socket_at_the_place_that_is_configured(estate: Estate) -> None:
    estate.configure(CONFIGURATION + 'unix_socket = "elsewhere.sock"\n')
    with estate.start() as gateway:
        gateway.wait_for_log("gateway: runs as process")
        assert stat.S_ISSOCK((estate.folder / "elsewhere.sock").stat().st_mode)
        asked = estate.command("sources")
        assert (asked.returncode, asked.stderr) == (0, "")
        assert "estate" in asked.stdout
        checked = json.loads(estate.command("check", "--json").stdout)
    assert any(found["what"] == "running gateway" for found in checked), checked


def test_a_time_of_a_window_that_is_none_is_refused_by_the_name_of_its_option(estate: Estate) -> None:
    with estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        until = estate.command("window", "open", "alpha", "--name", "work", "--until", "3x")
        start = estate.command("window", "open", "alpha", "--name", "work", "--until", "3h", "--from", "soon")
    assert (until.returncode, start.returncode) == (2, 2)
    assert until.stderr.startswith("gateway: --until: ")
    assert start.stderr.startswith("gateway: --from: ")
