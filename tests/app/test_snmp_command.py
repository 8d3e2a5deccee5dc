"""`gateway snmp`: keys in place of passwords, and snmptrapd by exactly what receiver-config prints."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess

import httpx
import pytest

from gateway.schema.snmp.notifications import ALARM_KEY, NOTIFICATION_TYPES
from gateway.wire.oid import format_oid
from tests.app.estate import CONFIGURATION, Estate, Running, until
from tests.lab.snmptrapd import Snmptrapd, missing

ALARM_KEY_0 = format_oid((*ALARM_KEY.oid, 0))
AUTH, PRIV = 'an "odd" pass\\word', "another one; # $(x)"
MIB = "TOPOLOGY-GATEWAY-MIB"
BELOW_4711 = "1.3.6.1.4.1.4711"
ENGINE_ID, BOOTS, NAME = "1.3.6.1.6.3.10.2.1.1.0", "1.3.6.1.6.3.10.2.1.2.0", "1.3.6.1.2.1.1.5.0"


V3_RECEIVER = """
[receivers.console]
kind = "snmp"
host = "127.0.0.1"
version = "3"
user = "teller"
auth = "SHA-512"
auth_password = "a-long-password"
"""


@pytest.fixture(autouse=True)
def net_snmp() -> None:
    if said := missing():
        pytest.skip(said)


class Configured(Snmptrapd):
    """An snmptrapd whose rules are a text."""

    rules = ""

    def _configuration(self) -> str:
        return f"{self.rules}\n[snmp] hexOutputLength 0\n"


def agent_of(gateway: Running) -> str:
    return "127.0.0.1:" + re.findall(r"snmp: listening on \S+ port (\d+)", gateway.log)[-1]


def asked(*arguments: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "MIBS": "", "SNMPCONFPATH": "/nonexistent"}
    command = ["snmpget", "-Oqv", "-t", "2", "-r", "1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    return done.stdout + done.stderr


def as_user(name: str, auth: str = AUTH, priv: str = PRIV) -> tuple[str, ...]:
    return ("-v3", "-l", "authPriv", "-u", name, "-a", "SHA-256", "-A", auth, "-x", "AES", "-X", priv)


def ask_to_put(estate: Estate, name: str, table: dict[str, object]) -> httpx.Response:
    """Make a receiver at run time."""
    transport = httpx.HTTPTransport(uds=str(estate.state / "gateway.sock"))
    with httpx.Client(transport=transport, timeout=30) as client:
        return client.put(f"http://gateway/api/v1/receivers/{name}", json=table)


# -- users -----------------------------------------------------------------------------------------------------


def test_a_user_that_was_added_asks_by_its_passwords_which_are_kept_nowhere(estate: Estate) -> None:
    added = estate.command("snmp", "user", "add", "noc", stdin=f"{AUTH}\n{PRIV}\n")
    assert added.returncode == 0, added.stderr
    estate.configure(CONFIGURATION + added.stdout)
    keys = estate.state / "secrets" / "noc.keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    with estate.start() as gateway:
        agent = agent_of(gateway)
        assert asked(*as_user("noc"), agent, BOOTS).strip() == "1"
        assert "uthentication failure" in asked(*as_user("noc", auth="another password"), agent, BOOTS)
        kept = [path.read_bytes() for path in estate.folder.rglob("*") if path.is_file()]
    assert not [secret for secret in (AUTH, PRIV) for content in kept if secret.encode() in content]
    assert keys.read_text().split(":")[1] not in gateway.log + added.stdout + added.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("noc",), f"short\n{PRIV}\n", "the password for authentication: a password is too short"),
        (("noc",), f"{AUTH}\nshort\n", "the password for privacy: a password is too short"),
        (("noc", "--auth", "MD5"), "", "--auth MD5: MD5 is weak: use SHA-256 or better; --allow-weak takes"),
        (
            ("noc", "--priv", "DES"),
            "",
            "--priv DES: DES is weak: use AES or AES-256; --allow-weak takes it all the same, or none",
        ),
        (("noc", "--priv", "3DES", "--allow-weak"), "", "--priv 3DES: 3DES is weak"),
        (
            ("noc",),
            "",
            "standard input has 0 lines, and not 2. Give one password a line, each once: for authentication, ",
        ),
        (("noc",), f"{AUTH}\n{AUTH}\n{PRIV}\n{PRIV}\n", "standard input has 4 lines, and not 2"),
        (("noc", "--priv", "none"), f"{AUTH}\n{PRIV}\n", "standard input has 2 lines, and not 1"),
        (("no/c",), "", "is no usable name. Use letters"),
        (("local",), "", "is the one whom the gateway makes itself"),
    ],
)
def test_what_makes_no_user_is_refused_with_what_to_do(
    estate: Estate, arguments: tuple[str, ...], stdin: str, said: str
) -> None:
    done = estate.command("snmp", "user", "add", *arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not list(estate.folder.rglob("*.keys"))


def test_keys_that_are_there_are_replaced_only_when_that_is_asked_for(estate: Estate) -> None:
    given = f"{AUTH}\n{PRIV}\n"
    assert estate.command("snmp", "user", "add", "noc", stdin=given).returncode == 0
    keys = estate.state / "secrets" / "noc.keys"
    before = keys.read_text()
    refused = estate.command("snmp", "user", "add", "noc", "--auth", "SHA", stdin=given)
    assert refused.returncode == 2
    assert f"user 'noc': there are keys in {keys}. Choose another name, or replace them with --force." in refused.stderr
    assert keys.read_text() == before
    assert estate.command("snmp", "user", "add", "noc", "--auth", "SHA", "--force", stdin=given).returncode == 0
    assert keys.read_text() != before


def test_keys_of_another_database_are_refused_at_the_start(estate: Estate) -> None:
    added = estate.command("snmp", "user", "add", "noc", stdin=f"{AUTH}\n{PRIV}\n")
    estate.configure(CONFIGURATION + added.stdout)
    assert estate.command("check").returncode == 0
    (estate.state / "topology.db").unlink()
    estate.command("db", "upgrade")
    said = "publishers.snmp.users.noc: the keys (keys_file or keys) were made for the engine 8000"
    assert said in estate.command("check").stdout
    refused = estate.command("run")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Make them anew: gateway snmp user add noc --force" in refused.stderr


# -- who is a user ---------------------------------------------------------------------------------------------


def test_users_are_listed_with_protocols_and_where_they_are_defined_and_no_key(estate: Estate) -> None:
    for name in ("noc", "spare"):
        added = estate.command("snmp", "user", "add", name, stdin=f"{AUTH}\n{PRIV}\n")
        if name == "noc":
            estate.configure(CONFIGURATION + added.stdout + V3_RECEIVER)
    listed = estate.command("snmp", "user", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    noc, told, spare = json.loads(listed.stdout)
    assert noc == {
        "name": "noc",
        "use": "asks",
        "level": "authPriv",
        "auth": "SHA-256",
        "priv": "AES",
        "view": "all",
        "secret": "keys",
        "defined": "publishers.snmp.users.noc",
        "wrong": "",
    }
    assert (told["name"], told["use"], told["level"], told["secret"]) == (
        "teller",
        "receives",
        "authNoPriv",
        "passwords",
    )
    assert told["defined"] == "receivers.console"
    assert (spare["name"], spare["use"]) == ("spare", "nothing")
    assert spare["defined"] == f"{estate.state / 'secrets' / 'spare.keys'} only"
    shown = estate.command("snmp", "user", "list").stdout
    kept = [
        part for name in ("noc", "spare") for part in (estate.state / "secrets" / f"{name}.keys").read_text().split(":")
    ]
    assert not [key for key in (*kept, "a-long-password") if key.strip() in shown + listed.stdout]


def test_users_whose_secrets_cannot_be_read_are_listed_with_what_is_missing_and_the_others_as_ever(
    estate: Estate,
) -> None:
    added = estate.command("snmp", "user", "add", "noc", stdin=f"{AUTH}\n{PRIV}\n").stdout
    far = '[publishers.snmp.users.far]\nauth = "SHA"\nauth_password = "env:NOT_SET"\nview = "few"\n'
    elsewhere = '[publishers.snmp.views.few]\ninclude = ["topoInfo"]\n[publishers.snmp.communities.old]\n'
    elsewhere += 'community_file = "gone"\n[receivers.night]\nkind = "snmp"\nhost = "noc"\ncommunity_file = "gone"\n'
    receiver = V3_RECEIVER.replace('auth_password = "a-long-password"', 'auth_password_file = "teller.auth"')
    estate.configure(CONFIGURATION + added + far + elsewhere + receiver)
    listed = estate.command("snmp", "user", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    noc, other, told = json.loads(listed.stdout)
    assert (noc["name"], noc["secret"], noc["wrong"]) == ("noc", "keys", "")
    assert (other["name"], other["level"], other["view"], other["secret"]) == ("far", "authNoPriv", "few", "passwords")
    assert other["wrong"].startswith("publishers.snmp.users.far.auth_password: the environment variable NOT_SET is not")
    assert (told["name"], told["use"], told["auth"]) == ("teller", "receives", "SHA-512")
    assert f"receivers.console.auth_password_file: {estate.folder / 'teller.auth'} cannot be read" in told["wrong"]
    shown = estate.command("snmp", "user", "list").stdout.splitlines()
    below = [line.partition(":")[0].strip() for line in (shown[4], shown[6])]
    assert below == ["publishers.snmp.users.far.auth_password", "receivers.console.auth_password_file"]


def test_the_user_whom_the_gateway_makes_is_listed_once_it_is_there(estate: Estate) -> None:
    assert "Users of SNMPv3: none" in estate.command("snmp", "user", "list").stdout
    with estate.start():
        (local,) = json.loads(estate.command("snmp", "user", "list", "--json").stdout)
    assert (local["name"], local["use"], local["level"]) == ("local", "asks, from this machine", "authPriv")


def test_keys_for_traps_that_a_receiver_has_are_in_use_and_no_other_user_takes_their_file(estate: Estate) -> None:
    given = f"{AUTH}\n{PRIV}\n"
    table = estate.command("snmp", "user", "add", "noc", "--for-traps", stdin=given).stdout
    listed = json.loads(estate.command("snmp", "user", "list", "--json").stdout)
    assert [(each["name"], each["use"]) for each in listed] == [("noc.traps", "nothing")]
    estate.configure(f"{CONFIGURATION}\n[receivers.console]\nkind = 'snmp'\nhost = 'h'\nversion = '3'\n{table}")
    listed = json.loads(estate.command("snmp", "user", "list", "--json").stdout)
    assert [(each["name"], each["use"]) for each in listed] == [("noc", "receives")]
    other = estate.command("snmp", "user", "add", "noc.traps", "--force", stdin=given)
    assert other.returncode == 2
    assert "those of 'noc' for traps (--for-traps). Choose another name." in other.stderr


def test_keys_that_are_not_there_are_to_be_made(estate: Estate) -> None:
    user = '\n[publishers.snmp.users.noc]\nauth = "SHA-256"\nkeys_file = "noc.keys"\n'
    traps = (
        '\n[receivers.r]\nkind = "snmp"\nhost = "h"\nversion = "3"\nuser = "u"\nauth = "SHA"\nkeys_file = "u.keys"\n'
    )
    estate.configure(CONFIGURATION + user + traps)
    said = estate.command("check").stderr
    assert "noc.keys cannot be read: No such file or directory. Make them: gateway snmp user add NAME." in said
    assert (
        "u.keys cannot be read: No such file or directory. Make them: gateway snmp user add NAME --for-traps." in said
    )


def test_keys_of_another_instance_name_are_said_to_be_that_perhaps(estate: Estate) -> None:
    added = estate.command("snmp", "user", "add", "noc", stdin=f"{AUTH}\n{PRIV}\n").stdout
    estate.configure(CONFIGURATION.replace("[gateway]", '[gateway]\ninstance = "second"') + added)
    said = estate.command("check").stdout
    assert "gateway.instance was changed, they were made with --for-traps, or the database is another one." in said


def test_a_user_that_is_removed_may_no_longer_ask_and_what_refers_to_it_is_said(estate: Estate) -> None:
    added = estate.command("snmp", "user", "add", "noc", stdin=f"{AUTH}\n{PRIV}\n")
    table = "\n[receivers.console]\nkind = 'snmp'\nhost = '127.0.0.1'\nversion = '3'\nuser = 'noc'\n"
    keys = added.stdout.partition("\n")[2]
    estate.configure(CONFIGURATION + added.stdout + table + keys)
    removed = estate.command("snmp", "user", "remove", "noc")
    assert removed.returncode == 0, removed.stderr
    assert not (estate.state / "secrets" / "noc.keys").exists()
    assert "publishers.snmp.users.noc.keys_file still refers to them" in removed.stderr
    assert "receivers.console.keys_file still refers to them" in removed.stderr
    assert estate.command("run").returncode == 2
    again = estate.command("snmp", "user", "remove", "noc")
    assert again.returncode == 2
    assert "there are no keys of a user 'noc'. Known: none." in again.stderr


def test_a_receiver_that_was_made_at_run_time_is_among_what_refers_to_a_user(estate: Estate) -> None:
    estate.command("snmp", "user", "add", "noc", stdin=f"{AUTH}\n{PRIV}\n")
    table = {"kind": "snmp", "host": "127.0.0.1", "version": "3", "user": "noc", "auth": "SHA-256", "priv": "AES"}
    with estate.start() as gateway:
        made = ask_to_put(estate, "later", {**table, "keys_file": "noc.keys"})
        assert made.status_code == 200, made.text
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(15)
    assert "receivers.later.keys_file still refers" in estate.command("snmp", "user", "remove", "noc").stderr


@pytest.mark.parametrize("name", ["local", "../noc", "nobody"])
def test_what_is_no_user_of_ours_is_not_removed(estate: Estate, name: str) -> None:
    (estate.folder / "noc.keys").write_text("kept")
    removed = estate.command("snmp", "user", "remove", name)
    assert removed.returncode == 2
    assert (estate.folder / "noc.keys").exists()


def test_the_help_says_what_is_shown_and_what_goes(estate: Estate) -> None:
    for verb, said in (("list", "never a key or a password"), ("remove", "knows the user until it is restarted")):
        assert said in " ".join(estate.command("snmp", "user", verb, "--help", config=False).stdout.split())


# -- the local user ----------------------------------------------------------------------------------------------


def test_without_users_and_communities_the_log_says_how_to_ask_and_no_secret(estate: Estate) -> None:
    with estate.start() as gateway:
        folder = estate.state / "snmp"
        assert f"so ask it: SNMPCONFPATH={folder} snmpbulkwalk {agent_of(gateway)} 1.3.6.1.4.1.32473" in gateway.log
        environment = {"PATH": "/usr/bin:/bin", "SNMPCONFPATH": str(folder)}
        command = ["snmpget", "-Oqv", agent_of(gateway), BOOTS]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
        assert (done.stdout.strip(), done.stderr) == ("1", "")
        for community in ("public", "private"):
            assert "Timeout" in asked("-v2c", "-c", community, "-r", "0", "-t", "1", agent_of(gateway), NAME)
    secrets = (estate.state / "secrets" / "local.keys").read_text().strip().split(":")[1:]
    assert not [each for each in secrets if each in gateway.log]
    for private in (folder, folder / "snmp.conf", estate.state / "secrets", estate.state / "secrets" / "local.keys"):
        assert stat.S_IMODE(private.stat().st_mode) & 0o077 == 0, private


def test_check_asks_the_agent_as_everybody_who_may(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        agent = f"127.0.0.1:{probe.getsockname()[1]}"
    local = CONFIGURATION.replace('listen = ["127.0.0.1:0"]', f'listen = ["{agent}"]')
    estate.configure(local)
    with estate.start():
        said = estate.command("check").stdout
    assert f"{agent} answers user local: revision" in said
    assert f"nobody is configured, so ask it: SNMPCONFPATH={estate.state}/snmp snmpbulkwalk {agent} 1.3" in said
    added = estate.command("snmp", "user", "add", "keys", stdin=f"{AUTH}\n{PRIV}\n").stdout
    weak = '[publishers.snmp.users.old]\nallow_weak = true\nauth = "MD5"\nauth_password = "password"\npriv = "DES"\n'
    estate.configure(f"{local}{added}{weak}")
    with estate.start():
        said = estate.command("check").stdout
    for name in ("keys", "old"):
        assert f"{agent} answers user {name}: revision" in said
    assert "user old has passwords. Keys would open this gateway only: gateway snmp user add old" in said


ASKERS = """
[sources.lab]
kind = "simulated"
hosts = 2
vms_per_host = 4

[publishers.snmp.views.system]
include = ["1.3.6.1.2.1.1"]

[publishers.snmp.views.nothing]
include = ["1.3.6.1.2.1.99"]

[publishers.snmp.communities.far]
community = "of another network"
allow = ["192.0.2.10/32"]

[publishers.snmp.communities.narrow]
community = "of a narrow view"
view = "system"

[publishers.snmp.communities.bound]
community = "of a context"
context = "hv-0001"
"""


def test_check_asks_each_for_what_it_may_see_and_nobody_who_may_not_ask_from_here(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        agent = f"127.0.0.1:{probe.getsockname()[1]}"
    configuration = CONFIGURATION.replace('listen = ["127.0.0.1:0"]', f'listen = ["{agent}"]', 1) + ASKERS
    estate.configure(configuration)
    with estate.start() as gateway:
        gateway.wait_until("entities", said="hv-0001")
        done = estate.command("check", "--json")
        said = [each["said"] for each in json.loads(done.stdout) if each["what"] == "snmp"]
        assert said == [
            f"{agent} as community far: may not ask from this machine, 127.0.0.1 (allow)",
            f"{agent} answers community narrow: the first that it sees is 1.3.6.1.2.1.1.1.0",
            f"{agent} answers community bound in the context hv-0001: the first that it sees is 1.3.6.1.2.1.1.1.0",
        ]
        assert done.returncode == 0


def test_check_says_why_who_may_ask_sees_nothing(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        agent = f"127.0.0.1:{probe.getsockname()[1]}"
    askers = ASKERS.replace("hv-0001", "hv-0009").replace('view = "system"', 'view = "nothing"')
    estate.configure(CONFIGURATION.replace('listen = ["127.0.0.1:0"]', f'listen = ["{agent}"]', 1) + askers)
    with estate.start():
        done = estate.command("check")
    assert done.returncode == 1
    assert "community narrow at 127.0.0.1 port" in done.stdout
    assert "its view shows nothing of what is there" in done.stdout
    assert "Is context = 'hv-0009' the name of a hypervisor that is there now?" in done.stdout


def test_check_names_the_view_of_a_receiver_that_is_not_there(estate: Estate) -> None:
    receiver(estate, 162, community="x", view="alarms")
    done = estate.command("check")
    assert done.returncode == 2
    assert "receivers.noc.view: 'alarms' is no view. Known: all." in done.stderr


def test_check_says_what_an_address_is_that_this_machine_has_not(estate: Estate) -> None:
    community = '\n[publishers.snmp.communities.noc]\ncommunity = "not-well-known"\n'
    estate.configure(CONFIGURATION.replace('["127.0.0.1:0"]', '["192.0.2.1:0"]') + community)
    assert "Cannot assign requested address. It is no address of this machine" in estate.command("check").stdout
    assert "Cannot assign requested address. It is no address of this machine" in estate.command("run").stderr


def test_check_says_one_remedy_of_a_receiver_that_does_not_answer(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        receiver(estate, port, community="x", inform=True, timeout_s=0.1, retries=0)
        said = estate.command("check", "--send", "--json").stdout
    where, sent = (each["said"] for each in json.loads(said) if each["what"] == "receiver noc")
    assert where == f"127.0.0.1, port {port}"
    assert sent.endswith("no answer to 1 informs. Does it take informs there, and by this community?")


def test_check_refuses_a_view_of_a_part_of_a_column(estate: Estate) -> None:
    view = '[publishers.snmp.views.v]\ninclude = ["1.3.6.1"]\nexclude = ["1.3.6.1.4.1.32473.7163.1.3.1.5.3"]\n'
    estate.configure(CONFIGURATION + view)
    done = estate.command("check")
    assert done.returncode == 2
    assert "publishers.snmp.views.v.exclude: 1.3.6.1.4.1.32473.7163.1.3.1.5.3 is a part of the column" in done.stderr


def test_the_local_user_stays_over_kill_9_with_the_same_engine_and_more_boots(estate: Estate) -> None:
    seen, keys = [], set()
    for _start in range(3):
        with estate.start() as gateway:
            environment = {"PATH": "/usr/bin:/bin", "SNMPCONFPATH": str(estate.state / "snmp")}
            command = ["snmpget", "-Oxqv", agent_of(gateway), ENGINE_ID, BOOTS]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
            *engine_id, booted = done.stdout.split("\n")[:-1]
            seen.append((tuple(engine_id), booted))
            keys.add((estate.state / "secrets" / "local.keys").read_text())
            gateway.signal(signal.SIGKILL)
            gateway.process.wait(15)
    engine_ids, boots = zip(*seen, strict=True)
    assert len(set(engine_ids)) == len(keys) == 1
    assert boots == ("1", "2", "3")


# -- the receiving side ----------------------------------------------------------------------------------------------


def receiver(estate: Estate, port: int, **more: object) -> None:
    for name, secret in (("auth", AUTH), ("priv", PRIV)):
        (estate.folder / name).write_text(f"{secret}\n")
        (estate.folder / name).chmod(0o600)
    table = {"kind": "snmp", "host": "127.0.0.1", "port": port, **more}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    estate.configure(f"{CONFIGURATION}\n[receivers.noc]\n{lines}")


def v3(auth: str, priv: str, *, inform: bool) -> dict[str, object]:
    secrets = {"auth_password_file": "auth", "priv_password_file": "priv"}
    return {"version": "3", "user": "the gateway", "auth": auth, "priv": priv, "inform": inform, **secrets}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(v3("SHA-256", "AES", inform=False), id="trap"),
        pytest.param(v3("SHA-256", "AES", inform=True), id="inform"),
        pytest.param(v3("SHA", "AES-256", inform=False), id="trap, extended key"),
        pytest.param(v3("SHA", "AES-256-C", inform=True), id="inform, extended key"),
        pytest.param({**v3("MD5", "DES", inform=False), "allow_weak": True}, id="trap, weak"),
        pytest.param({**v3("MD5", "DES", inform=True), "allow_weak": True}, id="inform, weak"),
        pytest.param({"version": "3", "user": "nobody"}, id="trap without authentication"),
        pytest.param({"version": "2c", "community": """it's odd: "one" \\ here""", "inform": True}, id="v2c inform"),
        pytest.param({"version": "1", "community": "plain"}, id="v1"),
    ],
)
def test_snmptrapd_receives_by_exactly_what_was_printed(estate: Estate, settings: dict[str, object]) -> None:
    snmptrapd = Configured()
    receiver(estate, snmptrapd.port, **settings)
    printed = estate.command("snmp", "receiver-config", "noc")
    assert printed.returncode == 0, printed.stderr
    assert "This holds secrets" in printed.stderr
    assert not [secret for secret in (AUTH, PRIV) if secret in printed.stdout]
    snmptrapd.rules = printed.stdout
    with snmptrapd, estate.start():
        tested = estate.command("test-notification", "noc")
        assert tested.returncode == 0, tested.stderr
        snmptrapd.wait_for(lambda notification: notification.varbinds.get(ALARM_KEY_0) == "test")


def test_a_test_by_check_and_by_the_gateway_is_below_the_organisations_number(estate: Estate) -> None:
    snmptrapd = Configured()
    receiver(estate, snmptrapd.port, **v3("SHA-256", "AES", inform=True))
    estate.configure(estate.config.read_text().replace("[publishers.snmp]", "[publishers.snmp]\nenterprise = 4711"))
    snmptrapd.rules = estate.command("snmp", "receiver-config", "noc").stdout
    key, tested = f"{BELOW_4711}.1.7.1.0", f"{BELOW_4711}.0.14"

    def come(number: int) -> None:
        found = snmptrapd.wait_for_many(lambda each: each.varbinds.get(key) == "test", number)
        assert {each.oid for each in found} == {tested}
        assert not [oid for each in found for oid in each.varbinds if oid.startswith("1.3.6.1.4.1.32473")]

    with snmptrapd:
        assert "acknowledged it" in estate.command("check", "--send").stdout
        come(1)
        with estate.start():
            assert "acknowledged it" in estate.command("check", "--send").stdout
            come(2)
            assert estate.command("test-notification", "noc").returncode == 0
            come(3)


@pytest.mark.parametrize("inform", [False, True], ids=["trap", "inform"])
def test_snmptrapd_goes_on_receiving_when_the_gateway_was_killed(estate: Estate, inform: bool) -> None:
    snmptrapd = Configured()
    receiver(estate, snmptrapd.port, **v3("SHA-256", "AES", inform=inform))
    snmptrapd.rules = estate.command("snmp", "receiver-config", "noc").stdout
    with snmptrapd:
        for number in range(1, 4):
            with estate.start() as gateway:
                assert estate.command("test-notification", "noc").returncode == 0
                snmptrapd.wait_for_many(lambda each: each.varbinds.get(ALARM_KEY_0) == "test", number)
                gateway.signal(signal.SIGKILL)
                gateway.process.wait(15)


def test_the_keys_of_a_user_are_good_for_a_receiver_of_traps_but_not_of_informs(estate: Estate) -> None:
    estate.command("snmp", "user", "add", "gateway", stdin=f"{AUTH}\n{PRIV}\n")
    keys = {"auth": "SHA-256", "priv": "AES", "keys_file": str(estate.state / "secrets" / "gateway.keys")}
    snmptrapd = Configured()
    receiver(estate, snmptrapd.port, version="3", user="gateway", **keys)
    snmptrapd.rules = estate.command("snmp", "receiver-config", "noc").stdout
    with snmptrapd, estate.start():
        assert estate.command("test-notification", "noc").returncode == 0
        snmptrapd.wait_for(lambda notification: notification.varbinds.get(ALARM_KEY_0) == "test")
    receiver(estate, snmptrapd.port, version="3", user="gateway", inform=True, **keys)
    refused = estate.command("check")
    assert refused.returncode == 2
    assert "receivers.noc.keys: keys are those of this gateway's engine, and for informs" in refused.stderr


def test_a_gateway_with_a_name_has_keys_for_who_asks_it_and_others_for_traps(estate: Estate) -> None:
    named = CONFIGURATION.replace("[gateway]", '[gateway]\ninstance = "gw1"')
    estate.configure(named)
    passwords = f"{AUTH}\n{PRIV}\n"
    asking = estate.command("snmp", "user", "add", "gateway", stdin=passwords).stdout
    telling = estate.command("snmp", "user", "add", "gateway", "--for-traps", stdin=passwords).stdout
    assert telling.startswith('user = "gateway"\n')
    snmptrapd = Configured()
    table = f'[receivers.noc]\nkind = "snmp"\nhost = "127.0.0.1"\nport = {snmptrapd.port}\nversion = "3"\n'
    estate.configure(f"{named}{asking}{table}{telling}")
    snmptrapd.rules = estate.command("snmp", "receiver-config", "noc").stdout
    with snmptrapd, estate.start():
        assert estate.command("test-notification", "noc").returncode == 0
        snmptrapd.wait_for(lambda notification: notification.varbinds.get(ALARM_KEY_0) == "test")
    estate.configure(f"{named}{asking}{table}{telling.replace('.traps.keys', '.keys')}")
    refused = estate.command("snmp", "receiver-config", "noc").stderr
    assert "Make them anew: gateway snmp user add gateway --for-traps --force." in refused


def test_a_test_that_is_refused_names_the_receiver(estate: Estate) -> None:
    snmptrapd = Configured()
    receiver(estate, snmptrapd.port, **v3("SHA-256", "AES", inform=True))
    snmptrapd.rules = 'createUser "the gateway" SHA-256 "another password" AES "another password"\n'
    with snmptrapd, estate.start():
        failed = estate.command("test-notification", "noc").stderr
    assert "\n  receiver noc: the receiver refuses the inform: it has another authentication password" in failed


def test_a_receiver_that_is_not_there_is_refused_with_those_that_are(estate: Estate) -> None:
    receiver(estate, 162, community="x")
    done = estate.command("snmp", "receiver-config", "nok")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no SNMP receiver 'nok'. Known: noc." in done.stderr


def test_what_one_receiver_needs_is_printed_without_the_secrets_of_others(estate: Estate) -> None:
    other = '[receivers.other]\nkind = "snmp"\nhost = "127.0.0.1"\ncommunity = "env:NOT_SET"\n'
    estate.configure(f"{CONFIGURATION}{V3_RECEIVER}{other}")
    assert "authUser log,execute teller" in estate.command("snmp", "receiver-config", "console").stdout
    assert "Known: console, other." in estate.command("snmp", "receiver-config", "nobody").stderr


def test_snmptt_knows_every_notification_below_the_organisations_number(estate: Estate) -> None:
    receiver(estate, 162, community="x")
    estate.configure(estate.config.read_text().replace("[publishers.snmp]", "[publishers.snmp]\nenterprise = 4711"))
    printed = estate.command("snmp", "receiver-config", "noc", "--for", "snmptt").stdout
    events = dict(re.findall(r"^EVENT (topology\w+) \.1\.3\.6\.1\.4\.1\.4711\.0\.(\d+) \"", printed, re.MULTILINE))
    assert events == {each.name: str(each.number) for each in NOTIFICATION_TYPES}
    assert "authCommunity log,execute x\n" in printed
    assert re.search(r"^EVENT topologyFailureRaised .*\nFORMAT \$16$", printed, re.MULTILINE), "the text has the name"


def test_snmptt_has_the_severities_of_the_notifications_and_no_name_twice(estate: Estate) -> None:
    receiver(estate, 162, community="x")
    printed = estate.command("snmp", "receiver-config", "noc", "--for", "snmptt").stdout
    said = dict(re.findall(r'^EVENT topology(\w+) .* "Status Events" (\w+)$', printed, re.MULTILINE))
    assert [said[name] for name in ("FailureRaised", "ConflictRaised")] == ["CRITICAL"] * 2
    assert said["SourceStaleRaised"] == "MAJOR"
    assert {said[name] for name in ("Relocation", "RoleRelocation", "FindingRaised", "MigrationFailed")} == {"WARNING"}
    assert {said[name] for name in ("FailureCleared", "Heartbeat", "Summary", "WindowStarted")} == {"Normal"}
    assert re.search(r"^EVENT topologyRelocation .*\nFORMAT \$16$", printed, re.MULTILINE)


def test_zabbix_gets_the_item_and_its_trapper(estate: Estate) -> None:
    receiver(estate, 162, community="x")
    printed = estate.command("snmp", "receiver-config", "noc", "--for", "zabbix").stdout
    assert "StartSNMPTrapper=1\n" in printed
    (pattern,) = re.findall(r'^snmptrap\["(.*)"\]$', printed, re.MULTILINE)
    ours = (".1.3.6.1.4.1.32473.7163.0.1", "SNMPv2-SMI::enterprises.32473.7163.0.1", f"{MIB}::topologyTest")
    named = [f"SNMPv2-MIB::{name}" for name in ("coldStart", "warmStart", "authenticationFailure")]
    digits = [f"{above}.1.1.5.{last}" for above in (".1.3.6.1.6.3", "SNMPv2-SMI::snmpModules") for last in (1, 2, 5)]
    for oid in (*ours, *named, *digits):
        assert re.search(pattern, f"SNMPv2-MIB::snmpTrapOID.0 type=6 value=OID: {oid}")
    for oid in (".1.3.6.1.4.1.132473.7163.0.1", ".1.3.6.1.6.3.1.1.5.3", "IF-MIB::linkDown", ".1.3.6.1.6.3.1.1.5.10"):
        assert not re.search(pattern, f"SNMPv2-MIB::snmpTrapOID.0 type=6 value=OID: {oid} more")


class Handing(Configured):
    """Hands each notification to what traphandle names, instead of writing it down."""

    def _configuration(self) -> str:
        return self.rules


@pytest.mark.parametrize("enterprise", ["32473.7163", "4711"])
def test_zabbix_reads_an_entry_for_each_notification_with_its_key(estate: Estate, enterprise: str) -> None:
    snmptrapd = Handing()
    receiver(estate, snmptrapd.port, **v3("SHA-256", "AES", inform=True))
    root = f"[publishers.snmp]\nenterprise = {json.dumps(enterprise)}"
    estate.configure(estate.config.read_text().replace("[publishers.snmp]", root))
    printed = estate.command("snmp", "receiver-config", "noc", "--for", "zabbix").stdout
    handler, file = estate.folder / "zabbix-traps", estate.folder / "snmptrap.log"
    (script,) = re.findall(r"^#!/bin/sh\n.*?(?=\n\n)", printed, re.MULTILINE | re.DOTALL)
    handler.write_text(script.replace("/var/log/snmptrap/snmptrap.log", str(file)) + "\n")
    handler.chmod(0o755)
    snmptrapd.rules = printed.partition("\n# /usr/local")[0].replace("/usr/local/bin/zabbix-traps", str(handler)) + "\n"
    (pattern,) = re.findall(r'^snmptrap\["(.*)"\]$', printed, re.MULTILINE)
    with snmptrapd, estate.start() as gateway:
        gateway.wait_until("where", "web", said="runs on hypervisor alpha")
        estate.place("web beta", "db beta")
        gateway.wait_until("receivers", "noc", said='"delivered":1')
        assert estate.command("test-notification", "noc").returncode == 0
        key = json.loads(estate.command("events", "--json").stdout)["items"][0]["id"]
        until(lambda: file.exists() and file.read_text().count("\n") == 3, 20, lambda: file.read_text())
    start, moved, tested = file.read_text().splitlines()
    entry = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ZBXTRAP 127\.0\.0\.1 \S")
    assert all(map(entry.match, (start, moved, tested)))
    assert key.encode().hex(" ").upper() in moved  # this snmptrapd writes strings so
    assert [bool(re.search(pattern, each)) for each in (start, moved, tested)] == [True, True, True]
