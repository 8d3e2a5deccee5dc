"""The node agent as Pacemaker and administrators run it: real processes, a real spool, a real HTTP server."""

import ast
import grp
import http.server
import json
import os
import pwd
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.collectors.pacemaker.agent import AGENT
from gateway.collectors.pacemaker.agent import gateway_agent as agent
from gateway.collectors.pacemaker.cib import parse_cib
from gateway.collectors.pacemaker.hints import parse_hint
from gateway.publishers.rest.ingest_routes import LARGEST_BYTES
from tests.collectors.pacemaker.given import octets

TOKEN = "a-token-that-nobody-knows"
UUID = "4c4c4544-0042-3510-8052-b4c04f4a4d32"
ALERT = {
    "CRM_alert_kind": "resource",
    "CRM_alert_node": "n1",
    "CRM_alert_rsc": "svc-a",
    "CRM_alert_task": "start",
    "CRM_alert_rc": "1",
    "CRM_alert_target_rc": "0",
    "CRM_alert_status": "0",
    "CRM_alert_desc": "error",
    "CRM_alert_timestamp_epoch": "1795226315",
    "CRM_alert_timestamp_usec": "1",
}
ROOT = os.geteuid() == 0
USER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name


class Gateway:
    """Takes what is posted; answers `status` after `delay_s`."""

    def __init__(self, port: int = 0) -> None:
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 202
        self.delay_s = 0.0
        self.largest = 1 << 30
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(outer.delay_s)
                status = outer.status if len(body) <= outer.largest else 413
                if status < 300:
                    outer.posted.append((self.path, dict(self.headers), body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ingest/lab"

    @property
    def alerts(self) -> list[dict[str, str]]:
        return [alert for _, _, body in self.posted for alert in json.loads(body)["alerts"]]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.close()


class Node:
    """One node's agent, with its configuration and spool in a folder of the test."""

    def __init__(self, folder: Path, url: str) -> None:
        self.config = folder / "etc" / "config.json"
        self.spool = folder / "spool"
        self.config.parent.mkdir()
        self.spool.mkdir()
        self.write(url)

    def write(self, url: str) -> None:
        facts = {"node": "n1", "smbios_uuid": UUID}
        content = {"url": url, "token": TOKEN, "spool": str(self.spool), "node": "n1", "facts": facts}
        self.config.write_text(json.dumps(content))

    def alert(self, **changed: str) -> float:
        """Run the agent as Pacemaker does; the seconds that the cluster had to wait."""
        environment = {"PATH": os.defpath, "GATEWAY_AGENT_CONFIG": str(self.config), **ALERT, **changed}
        began = time.monotonic()
        subprocess.run([sys.executable, str(AGENT)], env=environment, check=True, timeout=20)
        return time.monotonic() - began

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "GATEWAY_AGENT_CONFIG": str(self.config)}
        return subprocess.run(
            [sys.executable, str(AGENT), *words], env=environment, capture_output=True, text=True, timeout=30
        )

    @property
    def spooled(self) -> list[str]:
        return agent.spooled(str(self.spool))


@pytest.fixture
def node(tmp_path: Path, gateway: Gateway) -> Node:
    return Node(tmp_path, gateway.url)


def wait_for(what: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def config_of(node: Node) -> dict[str, object]:
    return agent.load_config(str(node.config))


# -- alerts ------------------------------------------------------------------------------------------------------


def test_an_alert_reaches_the_gateway_with_token_and_facts(node, gateway):
    node.alert()
    wait_for(lambda: gateway.posted)
    ((path, headers, body),) = gateway.posted
    assert path == "/ingest/lab"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    hint = parse_hint(body)
    assert (hint.alerts[0].resource, hint.alerts[0].succeeded) == ("svc-a", False)
    assert hint.facts is not None
    assert hint.facts.smbios_uuid == UUID
    wait_for(lambda: not node.spooled)


def test_the_cluster_does_not_wait_for_a_gateway_that_dawdles(node, gateway):
    gateway.delay_s = 3.0
    assert node.alert() < 1.5
    wait_for(lambda: gateway.posted)


@pytest.mark.parametrize("noise", [{"CRM_alert_kind": "attribute"}, {"CRM_alert_status": "1"}])
def test_noise_is_not_even_spooled(node, gateway, noise):
    node.alert(**noise)
    assert node.spooled == []
    assert not gateway.posted


def test_alerts_wait_while_the_gateway_is_away_and_go_when_it_is_back(tmp_path):
    first = Gateway()
    port = first.port
    first.close()
    node = Node(tmp_path, f"http://127.0.0.1:{port}/ingest/lab")
    for number in range(3):
        node.alert(CRM_alert_node_sequence=str(number))
    assert len(node.spooled) == 3
    back = Gateway(port)
    try:
        wait_for(lambda: len(back.alerts) == 3, 20)
        assert [alert["CRM_alert_node_sequence"] for alert in back.alerts] == ["0", "1", "2"]
        wait_for(lambda: not node.spooled)
    finally:
        back.close()


def test_the_spool_is_bounded_and_says_what_it_dropped(node, gateway, monkeypatch):
    monkeypatch.setattr(agent, "MAX_SPOOLED", 5)
    for number in range(8):
        agent.spool_alert(str(node.spool), {"CRM_alert_node_sequence": str(number)})
    assert agent.dropped(str(node.spool)) == 3
    assert agent.deliver(config_of(node), 0.0)
    ((_, _, body),) = gateway.posted
    document = json.loads(body)
    assert document["dropped"] == 3
    assert [alert["CRM_alert_node_sequence"] for alert in document["alerts"]] == ["3", "4", "5", "6", "7"]
    assert agent.dropped(str(node.spool)) == 0


def test_a_mistake_in_corosync_conf_costs_no_alert(node, gateway, tmp_path, monkeypatch):
    conf = tmp_path / "corosync.conf"
    conf.write_text("quorum {\n  device {\n    model: net\n    votes: 5000000000\n  }\n}\n")
    monkeypatch.setattr(agent.with_quorum, "__defaults__", (str(conf),))
    agent.spool_alert(str(node.spool), dict(ALERT))
    assert agent.deliver(config_of(node), 0.0)
    ((_, _, body),) = gateway.posted
    hint = parse_hint(body)
    assert ([alert.resource for alert in hint.alerts], hint.refused) == (["svc-a"], "")
    assert hint.facts is not None
    assert hint.facts.quorum is None


def test_a_damaged_spool_file_stops_nothing(node, gateway):
    (node.spool / "00000000000000000001-1.json").write_text('{"half')
    agent.spool_alert(str(node.spool), dict(ALERT))
    assert agent.deliver(config_of(node), 0.0)
    assert len(gateway.alerts) == 1


def test_what_the_gateway_calls_wrong_is_not_sent_for_ever(node, gateway):
    agent.spool_alert(str(node.spool), dict(ALERT))
    gateway.status = 422
    assert agent.deliver(config_of(node), 0.0)
    assert agent.dropped(str(node.spool)) == 1


def test_a_batch_that_is_too_large_goes_in_halves_and_each_alert_once(node, gateway):
    gateway.largest = 4_000
    for number in range(20):
        agent.spool_alert(str(node.spool), {**ALERT, "CRM_alert_node_sequence": str(number)})
    agent.spool_alert(str(node.spool), {**ALERT, "CRM_alert_desc": "x" * 5_000})
    assert agent.deliver(config_of(node), 0.0)
    assert sorted(int(alert["CRM_alert_node_sequence"]) for alert in gateway.alerts) == list(range(20))
    assert not node.spooled
    assert agent.dropped(str(node.spool)) == 1


def test_what_the_gateway_would_not_take_is_not_even_sent(node, gateway):
    for _ in range(20):
        agent.spool_alert(str(node.spool), {**ALERT, "CRM_alert_desc": "x" * 100_000})
    assert agent.deliver(config_of(node), 0.0)
    assert len(gateway.alerts) == 20
    assert all(len(body) <= LARGEST_BYTES for _, _, body in gateway.posted)
    assert len(gateway.posted) < 20


def test_agent_and_gateway_have_one_limit():
    assert agent.LARGEST_BYTES == LARGEST_BYTES


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_what_the_gateway_cannot_take_now_stays(node, gateway, status):
    agent.spool_alert(str(node.spool), dict(ALERT))
    gateway.status = status
    assert not agent.deliver(config_of(node), 0.0)
    assert len(node.spooled) == 1


def test_many_alerts_at_once_are_each_told_once(node, gateway):
    environment = {"PATH": os.defpath, "GATEWAY_AGENT_CONFIG": str(node.config), **ALERT}
    running = [
        subprocess.Popen([sys.executable, str(AGENT)], env={**environment, "CRM_alert_node_sequence": str(number)})
        for number in range(12)
    ]
    for process in running:
        assert process.wait(20) == 0
    wait_for(lambda: not node.spooled)
    time.sleep(0.2)
    assert sorted(int(alert["CRM_alert_node_sequence"]) for alert in gateway.alerts) == list(range(12))


# -- commands ----------------------------------------------------------------------------------------------------


def test_status_tells_whether_something_waits(node, gateway):
    assert node.run("status").returncode == 0
    gateway.status = 503
    agent.spool_alert(str(node.spool), dict(ALERT))
    assert node.run("flush").returncode == 1
    done = node.run("status")
    assert done.returncode == 1
    assert "spooled   1 alerts" in done.stdout
    assert ": 503" in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_without_a_configuration_it_says_what_to_do(tmp_path):
    environment = {"PATH": os.defpath, "GATEWAY_AGENT_CONFIG": str(tmp_path / "none.json")}
    done = subprocess.run([sys.executable, str(AGENT), "status"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Run `gateway_agent.py install`" in done.stderr


def test_it_is_python_3_6():
    ast.parse(AGENT.read_text(), feature_version=(3, 6))
    modules = {alias.name for one in ast.walk(ast.parse(AGENT.read_text())) if isinstance(one, ast.Import)
               for alias in one.names}  # fmt: skip
    assert not {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names}


class Machine:
    """Places for install, and a CIB in a file that the real cibadmin changes."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.cib = folder / "cib.xml"
        self.cib.write_bytes(octets("quiet-cib"))
        self.script = folder / "lib" / "gateway_agent.py"
        self.config = folder / "etc" / "config.json"
        (folder / "token").write_text(TOKEN + "\n")
        self.places = ["--config", str(self.config), "--spool", str(folder / "spool"), "--script", str(self.script)]
        self.who = ["--user", USER, "--group", GROUP]
        self.url = url

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath + ":/usr/sbin", "CIB_file": str(self.cib)}
        return subprocess.run(
            [sys.executable, str(AGENT), *words], env=environment, capture_output=True, text=True, timeout=60
        )

    def install(self, *more: str) -> subprocess.CompletedProcess[str]:
        basic = ["--url", self.url, "--node", "n1", "--token-file", str(self.folder / "token")]
        return self.run("install", *basic, *self.places, *self.who, *more)


needs_root = pytest.mark.skipif(not ROOT, reason="install gives files to root")
needs_cibadmin = pytest.mark.skipif(not shutil.which("cibadmin", path="/usr/sbin:/usr/bin"), reason="no cibadmin here")


@needs_root
@needs_cibadmin
def test_install_registers_once_and_tells_the_gateway_who_this_is(tmp_path, gateway):
    machine = Machine(tmp_path, gateway.url)
    (tmp_path / "identity.json").write_text(json.dumps({"nodes": [{"node": "n1", "smbios_uuid": UUID}]}))
    for _ in range(2):
        done = machine.install("--identity", str(tmp_path / "identity.json"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
    cib = parse_cib(machine.cib.read_bytes())
    assert cib.alerts.count(str(machine.script)) == 1
    text = machine.cib.read_text()
    assert "select_attributes" not in text.split('id="gateway-agent"')[1].split("</alert>")[0]
    assert f'value="{machine.config}"' in text
    assert machine.config.stat().st_mode & 0o777 == 0o640
    assert machine.script.stat().st_mode & 0o777 == 0o755
    hint = parse_hint(gateway.posted[-1][2])
    assert hint.facts is not None
    assert (hint.facts.node, hint.facts.smbios_uuid) == ("n1", UUID)


@needs_root
@needs_cibadmin
def test_uninstall_leaves_nothing(tmp_path, gateway):
    machine = Machine(tmp_path, gateway.url)
    before = parse_cib(machine.cib.read_bytes()).alerts
    machine.install()
    done = machine.run("uninstall", *machine.places)
    assert done.returncode == 0, done.stdout + done.stderr
    assert parse_cib(machine.cib.read_bytes()).alerts == before
    assert not any((tmp_path / name).exists() for name in ("etc", "lib", "spool"))


@needs_root
def test_install_without_registering_prints_the_command(tmp_path, gateway):
    machine = Machine(tmp_path, gateway.url)
    done = machine.install("--no-register")
    assert done.returncode == 0, done.stderr
    assert "cibadmin --modify --allow-create --scope alerts --xml-text '<alert id=" in done.stdout
    assert machine.cib.read_bytes() == octets("quiet-cib")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--url", "ftp://x/ingest/lab"], "is not of the form"),
        (["--url", "http://x/ingest/lab", "--token-file", "/nonexistent"], "cannot be read"),
        (["--url", "http://x/ingest/lab", "--user", "nobody-at-all"], "Is Pacemaker installed here"),
    ],
)
def test_mistakes_are_named(tmp_path, words, message):
    (tmp_path / "token").write_text(TOKEN)
    machine = Machine(tmp_path, "")
    given = [*machine.places, *machine.who, "--token-file", str(tmp_path / "token"), "--no-register", *words]
    done = machine.run("install", *given)
    assert done.returncode == 1
    assert message in done.stderr


# -- facts -------------------------------------------------------------------------------------------------------


def test_facts_of_this_machine_are_what_the_gateway_takes(node):
    done = node.run("facts", "--node", "here")
    assert done.returncode == 0, done.stderr
    hint = parse_hint(json.dumps({"facts": json.loads(done.stdout)}).encode())
    assert hint.facts is not None
    assert hint.facts.node == "here"


def test_only_real_network_cards_are_identity(tmp_path):
    for name, mac, card in (("eth0", "52:54:00:AA:00:01", True), ("br0", "52:54:00:aa:00:02", False)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "address").write_text(mac + "\n")
        if card:
            (tmp_path / name / "device").mkdir()
    (tmp_path / "eth1" / "bonding_slave").mkdir(parents=True)
    (tmp_path / "eth1" / "device").mkdir()
    (tmp_path / "eth1" / "address").write_text("52:54:00:aa:00:01\n")
    (tmp_path / "eth1" / "bonding_slave" / "perm_hwaddr").write_text("52:54:00:aa:00:03\n")
    assert agent.macs(str(tmp_path)) == ["52:54:00:aa:00:01", "52:54:00:aa:00:03"]


def test_domains_are_read_from_the_definitions_that_resources_name(tmp_path):
    libvirt, xen = tmp_path / "shop.xml", tmp_path / "shop.cfg"
    libvirt.write_text(f"<domain><name>shop</name>\n<uuid>{UUID.upper()}</uuid></domain>")
    xen.write_text(f'name = "till"\nuuid = "{UUID}"\n')
    text = octets("guests-cib").decode().replace("/etc/libvirt/qemu/guest.xml", str(libvirt))
    cib = agent.ElementTree.fromstring(text)
    assert agent.domains(cib) == [{"config": str(libvirt), "name": "shop", "uuid": UUID}]
    cib = agent.ElementTree.fromstring(text.replace(str(libvirt), str(xen)))
    assert agent.domains(cib) == [{"config": str(xen), "name": "till", "uuid": UUID}]


def test_addresses_that_the_cluster_moves_about_identify_no_node():
    assert agent.floating(agent.ElementTree.fromstring(octets("guests-cib"))) == ["192.0.2.10"]
