#!/usr/bin/env python3
# ruff: noqa: T201, UP006, UP035, UP045
"""
Node agent of the topology gateway for Pacemaker: tells the gateway "look now", and why.

Pacemaker runs it for every alert, as user hacluster. It writes the alert to a spool and leaves; a child that nobody
waits for posts the spool to the gateway, and keeps trying while the gateway is away. So the cluster is never delayed.

    gateway_agent.py install --url https://gateway:8443/ingest/SOURCE --token-file FILE   (as root, on each node)
    gateway_agent.py status | flush | facts | uninstall

Python 3.6 or later, standard library only: this one file is all that a node needs.
"""

import argparse
import contextlib
import fcntl
import grp
import http.client
import json
import os
import pwd
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, Iterator, List, Optional, Tuple

VERSION = "1"
CONFIG = "/etc/gateway-agent/config.json"
SPOOL = "/var/lib/gateway-agent"
COROSYNC = "/etc/corosync/corosync.conf"
SCRIPT = "/usr/lib/gateway-agent/gateway_agent.py"
ALERT_ID = "gateway-agent"

MAX_SPOOLED = 2000
"""Alerts that are kept while the gateway is away; then the oldest are dropped, and counted."""
BATCH = 200
LARGEST_BYTES = 1 << 20
"""The largest document that the gateway takes."""
TIMEOUT_S = 5.0
PATIENCE_S = 900.0
"""How long a child keeps trying; the next alert starts a new one."""
MAX_CONFIG_BYTES = 1 << 20
MAX_NODES, MAX_NAME = 256, 255
"""Of nodes that corosync.conf gives a number of votes."""


class AgentError(Exception):
    """Something a person must correct."""


# -- configuration -----------------------------------------------------------------------------------------------


def load_config(path: str) -> Dict[str, Any]:
    """The configuration that `install` wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            config = json.loads(file.read(MAX_CONFIG_BYTES))
    except OSError as error:
        raise AgentError(f"{path} cannot be read: {error.strerror}. Run `gateway_agent.py install`.") from error
    except ValueError as error:
        raise AgentError(f"{path} is no JSON: {error}. Run `gateway_agent.py install` again.") from error
    for key in ("url", "token", "spool"):
        if not isinstance(config, dict) or not isinstance(config.get(key), str) or not config[key]:
            raise AgentError(f"{path} has no {key!r}. Run `gateway_agent.py install` again.")
    return dict(config)


def config_path() -> str:
    return os.environ.get("GATEWAY_AGENT_CONFIG", CONFIG)


# -- the alert ---------------------------------------------------------------------------------------------------


def take_alert(environ: Dict[str, str], config: Dict[str, Any]) -> bool:
    """Spool the alert that Pacemaker describes in our environment; False when it says nothing of interest."""
    alert = {key: value for key, value in environ.items() if key.startswith("CRM_alert_")}
    if alert.get("CRM_alert_kind") == "attribute" or alert.get("CRM_alert_status") == "1":
        return False  # attributes are noise; status 1 is an operation that was cancelled
    spool_alert(config["spool"], alert)
    return True


def spool_alert(spool: str, alert: Dict[str, str]) -> None:
    """Write one file whose name sorts by time; a half-written one is never seen."""
    name = f"{int(time.time() * 1e9):020d}-{os.getpid()}"
    temporary = os.path.join(spool, "." + name)
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(alert, file)
    os.rename(temporary, os.path.join(spool, name + ".json"))
    drop_oldest(spool)


def spooled(spool: str) -> List[str]:
    """Paths of the spooled alerts, oldest first."""
    return sorted(os.path.join(spool, name) for name in os.listdir(spool) if re.match(r"\d{20}-\d+\.json$", name))


def drop_oldest(spool: str) -> None:
    """Keep the spool within its bound."""
    paths = spooled(spool)
    for path in paths[: max(0, len(paths) - MAX_SPOOLED)]:
        with contextlib.suppress(OSError):
            os.unlink(path)
            count_dropped(spool, 1)


def count_dropped(spool: str, number: int) -> None:
    """One octet more per alert that was dropped: appending needs no lock."""
    with open(os.path.join(spool, "dropped"), "ab") as file:
        file.write(b"." * number)


def dropped(spool: str) -> int:
    try:
        return os.path.getsize(os.path.join(spool, "dropped"))
    except OSError:
        return 0


# -- delivery ----------------------------------------------------------------------------------------------------


def detach() -> bool:
    """True in a grandchild that nobody waits for, False in us."""
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, 256)
    os.chdir("/")
    return True


@contextlib.contextmanager
def only_one(spool: str, wait_s: float) -> Iterator[bool]:
    """Hold the spool's lock; gives False when another child holds it and takes what is there."""
    with open(os.path.join(spool, "lock"), "w") as file:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= until or not spooled(spool):
                    yield False
                    return
                time.sleep(0.05)
            else:
                yield True
                return


def deliver(config: Dict[str, Any], patience_s: float) -> bool:
    """Post what is spooled until nothing is left or patience is at its end; True when nothing is left."""
    spool, until, pause = config["spool"], time.monotonic() + patience_s, 1.0
    with only_one(spool, 2.0) as ours:
        while ours:
            paths = spooled(spool)
            if not paths:
                return True
            if post_batch(config, paths[:BATCH]):
                pause = 1.0
            elif time.monotonic() >= until:
                return False
            else:
                rest(spool, len(paths), min(pause, max(0.0, until - time.monotonic())))
                pause = min(pause * 2, 30.0)
    return not spooled(spool)


def rest(spool: str, known: int, pause_s: float) -> None:
    """Wait; less when new alerts come in, for then somebody may be there again."""
    until = time.monotonic() + pause_s
    time.sleep(min(1.0, pause_s))
    while time.monotonic() < until and len(spooled(spool)) <= known:
        time.sleep(0.25)


def post_batch(config: Dict[str, Any], paths: List[str]) -> bool:
    """
    Post the alerts of these files, and remove them when they are taken (or can never be).

    What is too large (413) goes in halves; a single alert that is too large is dropped, and counted.
    """
    spool = config["spool"]
    alerts = [alert for alert in map(read_alert, paths) if alert is not None]
    lost = dropped(spool)
    status, said = post(config, {"alerts": alerts, "dropped": lost})
    if status == 413 and len(paths) > 1:
        half = len(paths) // 2
        return post_batch(config, paths[:half]) and post_batch(config, paths[half:])
    taken = 200 <= status < 300
    refused = status in (400, 413, 422)
    if taken or refused:
        for path in paths:
            with contextlib.suppress(OSError):
                os.unlink(path)
    if taken and lost:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(spool, "dropped"))
    if refused:
        count_dropped(spool, len(paths))
    note(spool, status, said)
    return taken or refused


def read_alert(path: str) -> Optional[Dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            alert = json.load(file)
    except (OSError, ValueError):
        return None
    return alert if isinstance(alert, dict) else None


def post(config: Dict[str, Any], document: Dict[str, Any]) -> Tuple[int, str]:
    """
    Post one document, with the facts of this node; (HTTP status, what was said). Status 0: nobody there.

    What the gateway would not take is not sent at all: 413 is our own word then.
    """
    document = dict(document, version=VERSION)
    if isinstance(config.get("facts"), dict):
        document["facts"] = with_quorum(config["facts"])
    body = json.dumps(document).encode()
    if len(body) > LARGEST_BYTES:
        return 413, f"a document of {len(body)} bytes is not sent, {LARGEST_BYTES} is the most"
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + config["token"]}
    url = urllib.parse.urlsplit(config["url"])
    try:
        connection = connect(url, config.get("ca_file") or None)
        try:
            try:
                connection.request("POST", url.path or "/", body, headers)
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:
                    raise
                # It may have answered (413) and closed before it read all that we sent.
            answer = connection.getresponse()
            return answer.status, answer.read(2048).decode("utf-8", "replace").strip()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return 0, f"{type(error).__name__}: {error}"


def connect(url: urllib.parse.SplitResult, ca_file: Optional[str]) -> http.client.HTTPConnection:
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        return http.client.HTTPSConnection(url.hostname or "", url.port or 443, timeout=TIMEOUT_S, context=context)
    return http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=TIMEOUT_S)


def note(spool: str, status: int, said: str) -> None:
    """Remember the last try, for `status`."""
    path = os.path.join(spool, "last.json")
    with contextlib.suppress(OSError):
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"at": int(time.time()), "status": status, "said": said[:500]}, file)
        os.rename(path + ".new", path)


# -- facts of this node ------------------------------------------------------------------------------------------


def collect_facts(node: str) -> Dict[str, Any]:
    """What identifies this machine to other layers. Some of it only root may read."""
    cib = read_cib()
    return {
        "node": node,
        "machine_id": read_line("/etc/machine-id"),
        "smbios_uuid": uuid_or_nothing(read_line("/sys/class/dmi/id/product_uuid")),
        "host_name": os.uname()[1],
        "macs": macs(),
        "addresses": addresses(floating(cib)),
        "domains": domains(cib),
    }


def with_quorum(facts: Dict[str, Any], path: str = COROSYNC) -> Dict[str, Any]:
    """Facts with how corosync decides on quorum: as its file is now, if it is right, unless they say it themselves."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_CONFIG_BYTES)
        return dict({"quorum": quorum(text)}, **facts)
    except (OSError, ValueError):
        return facts


def quorum(text: str) -> Dict[str, Any]:
    """
    What corosync.conf says of votes, with the defaults of votequorum(5).

    Raises ValueError for what corosync would not take: it runs by an older file then.
    """
    root = sections(text)
    rules = values(part(root, "quorum"))
    members = [values(found) for name, found in part(root, "nodelist") if name == "node" and isinstance(found, list)]
    votes = [count(one.get("quorum_votes", "1")) for one in members]
    given = [one for one in members if "quorum_votes" in one and "name" in one]
    nodes = {one["name"]: count(one["quorum_votes"]) for one in given}
    if len(nodes) > MAX_NODES or any(len(name) > MAX_NAME for name in nodes):
        raise ValueError("more nodes, or longer names, than a cluster has")
    expected = count(rules.get("expected_votes", "0"))
    device = device_votes(values(part(part(root, "quorum"), "device")), 0 if expected else len(votes), sum(votes))
    return {
        "two_node": rules.get("two_node") == "1",
        "wait_for_all": rules.get("wait_for_all", rules.get("two_node")) == "1",
        "auto_tie_breaker": rules.get("auto_tie_breaker") == "1",
        "last_man_standing": rules.get("last_man_standing") == "1",
        "expected_votes": expected or count(str(sum(votes) + device)),
        "device_votes": device,
        "nodes": nodes,
    }


def count(text: str) -> int:
    """A number of votes; corosync counts in 32 bits."""
    number = int(text)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"{number} is no number of votes")
    return number


def device_votes(device: Dict[str, str], nodes: int, votes: int) -> int:
    """Votes of the quorum device: by default one less than the nodes, when each has one and none are expected."""
    if not device.get("model"):
        return 0
    return count(device.get("votes", str(max(0, nodes - 1) if nodes == votes else 0)))


def sections(text: str) -> List[Tuple[str, Any]]:
    """corosync.conf: (key, value) or (section, what is in it), in order."""
    root = []  # type: List[Tuple[str, Any]]
    opened = [root]
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            continue
        if line.endswith("{"):
            inside = []  # type: List[Tuple[str, Any]]
            opened[-1].append((line[:-1].strip(), inside))
            opened.append(inside)
        elif line == "}" and len(opened) > 1:
            opened.pop()
        elif ":" in line:
            key, _, value = line.partition(":")
            opened[-1].append((key.strip(), value.strip()))
    return root


def part(tree: List[Tuple[str, Any]], name: str) -> List[Tuple[str, Any]]:
    """What is in all sections of this name."""
    return [pair for key, found in tree if key == name and isinstance(found, list) for pair in found]


def values(tree: List[Tuple[str, Any]]) -> Dict[str, str]:
    return {key: found for key, found in tree if isinstance(found, str)}


def read_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline(256).strip()
    except OSError:
        return ""


def uuid_or_nothing(text: str) -> str:
    lower = text.lower()
    return lower if re.match(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", lower) else ""


def macs(root: str = "/sys/class/net") -> List[str]:
    """Addresses of real (or virtio) network cards: those of bridges, taps and containers are nobody's identity."""
    found = set()
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        base = os.path.join(root, name)
        if not os.path.exists(os.path.join(base, "device")):
            continue
        mac = read_line(os.path.join(base, "bonding_slave", "perm_hwaddr")) or read_line(os.path.join(base, "address"))
        if re.match(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}$", mac.lower()):
            found.add(mac.lower())
    return sorted(found - {"00:00:00:00:00:00"})


def addresses(moving: List[str]) -> List[str]:
    """Global IP addresses, without those that the cluster moves about."""
    found = set()
    for line in run(["ip", "-o", "addr", "show", "scope", "global"]).splitlines():
        match = re.search(r" inet6? ([0-9a-fA-F.:]+)", line)
        if match and " secondary" not in line and match.group(1) not in moving:
            found.add(match.group(1).lower())
    return sorted(found)


def read_cib() -> Optional[ElementTree.Element]:
    text = run(["cibadmin", "-Q"])
    try:
        return ElementTree.fromstring(text) if text else None
    except ElementTree.ParseError:
        return None


def parameters(cib: Optional[ElementTree.Element], agents: Tuple[str, ...], names: Tuple[str, ...]) -> List[str]:
    """Values of instance attributes of primitives (and templates) of these types."""
    if cib is None:
        return []
    types = {template.get("id"): template.get("type") for template in cib.iter("template")}
    found: List[str] = []
    for one in [*cib.iter("primitive"), *cib.iter("template")]:
        if (one.get("type") or types.get(one.get("template"))) in agents:
            pairs = ((pair.get("name"), pair.get("value")) for pair in one.iter("nvpair"))
            found += [value for name, value in pairs if name in names and value]
    return found


def floating(cib: Optional[ElementTree.Element]) -> List[str]:
    return parameters(cib, ("IPaddr2", "IPaddr", "IPv6addr"), ("ip", "ipv6addr"))


def domains(cib: Optional[ElementTree.Element]) -> List[Dict[str, str]]:
    """Names and UUIDs of the VMs whose definitions the cluster's resources name."""
    found = []
    for path in parameters(cib, ("VirtualDomain", "Xen"), ("config", "xmfile")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_CONFIG_BYTES)
        except OSError:
            continue
        name = re.search(r"<name>\s*([^<]+?)\s*</name>|^\s*name\s*=\s*[\"']([^\"']+)", text, re.M)
        uuid = re.search(r"<uuid>\s*([^<]+?)\s*</uuid>|^\s*uuid\s*=\s*[\"']([^\"']+)", text, re.M)
        found.append({"config": path, "name": either(name), "uuid": uuid_or_nothing(either(uuid))})
    return found


def either(match: Any) -> str:
    return str(match.group(1) or match.group(2)) if match else ""


def run(words: List[str]) -> str:
    """What a command says; nothing when it cannot be run, fails, or takes long."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, env=environment())
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def environment() -> Dict[str, str]:
    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return dict(os.environ, LC_ALL="C", TZ="UTC", PATH=path)


# -- install, uninstall, status ----------------------------------------------------------------------------------


def install(options: argparse.Namespace) -> int:
    token = read_token(options.token_file)
    owner, group = ids(options.user, options.group)
    node = options.node or run(["crm_node", "-n"]).strip() or os.uname()[1]
    facts = read_identity(options.identity, node) if options.identity else collect_facts(node)
    config = {"url": checked_url(options.url), "token": token, "spool": options.spool, "node": node, "facts": facts}
    if options.ca_file:
        config["ca_file"] = os.path.abspath(options.ca_file)
    make_folder(options.spool, owner, group, 0o750)
    make_folder(os.path.dirname(options.config), 0, group, 0o750)
    write_file(options.config, json.dumps(config, indent=1, sort_keys=True).encode(), 0, group, 0o640)
    make_folder(os.path.dirname(options.script), 0, 0, 0o755)
    with open(os.path.abspath(__file__), "rb") as file:
        write_file(options.script, file.read(), 0, 0, 0o755)
    print(f"node {node}: configuration in {options.config}, agent in {options.script}")
    if not options.no_register:
        register(options)
    else:
        print("not registered. To do it on one node: {}".format(" ".join(map(quote, register_command(options)))))
    status, said = post(config, {})
    if not 200 <= status < 300:
        print(f"warning: the gateway did not take our facts ({status} {said}). They go with the next alert.")
        return 3 if status in (401, 403, 404) else 0
    print("the gateway at {} knows this node now".format(config["url"]))
    return 0


def read_token(path: Optional[str]) -> str:
    """From a file, from standard input (`-`), or from $GATEWAY_AGENT_TOKEN: never from the command line."""
    if path is None:
        token = os.environ.get("GATEWAY_AGENT_TOKEN", "")
    elif path == "-":
        token = sys.stdin.readline()
    else:
        try:
            with open(path, encoding="utf-8") as file:
                token = file.readline()
        except OSError as error:
            raise AgentError(f"--token-file {path} cannot be read: {error.strerror}.") from error
    if not token.strip() or not token.strip().isprintable():
        raise AgentError("no token. Create one with `gateway token create`, and give it by --token-file FILE.")
    return token.strip()


def checked_url(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "/ingest/" not in parts.path:
        raise AgentError(f"--url {url} is not of the form https://GATEWAY:PORT/ingest/SOURCE.")
    return url


def ids(user: str, group: str) -> Tuple[int, int]:
    try:
        return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise AgentError(f"{error.args[0]}. Is Pacemaker installed here? Else give --user and --group.") from error


def read_identity(path: str, node: str) -> Dict[str, Any]:
    """The facts of our node from a file: one object, a list, or `{"nodes": [...]}`."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise AgentError(f"--identity {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise AgentError(f"--identity {path} is no JSON: {error}.") from error
    nodes = content.get("nodes", [content]) if isinstance(content, dict) else content
    for facts in nodes if isinstance(nodes, list) else []:
        if isinstance(facts, dict) and facts.get("node", node) == node:
            return dict(facts, node=node)
    raise AgentError(f"--identity {path} says nothing of node {node}.")


def make_folder(path: str, owner: int, group: int, mode: int) -> None:
    os.makedirs(path, exist_ok=True)
    if path not in ("/etc", "/usr/lib", "/usr/local/lib", "/tmp", "/mnt", "/"):
        os.chown(path, owner, group)
        os.chmod(path, mode)


def write_file(path: str, content: bytes, owner: int, group: int, mode: int) -> None:
    """Write it whole or not at all, with its final mode from the first octet on."""
    temporary = path + ".new"
    with contextlib.suppress(OSError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(descriptor, owner, group)
        os.fchmod(descriptor, mode)
    os.rename(temporary, path)


def alert_xml(options: argparse.Namespace) -> str:
    """The <alert> element: all but attributes, with the place of the configuration when it is not the usual one."""
    alert = ElementTree.Element("alert", id=options.alert_id, path=options.script)
    select = ElementTree.SubElement(alert, "select")
    for kind in ("select_nodes", "select_fencing", "select_resources"):
        ElementTree.SubElement(select, kind)
    if options.config != CONFIG:
        values = ElementTree.SubElement(alert, "instance_attributes", id=options.alert_id + "-environment")
        name = "GATEWAY_AGENT_CONFIG"
        ElementTree.SubElement(values, "nvpair", id=options.alert_id + "-config", name=name, value=options.config)
    return ElementTree.tostring(alert, encoding="unicode")


def register_command(options: argparse.Namespace) -> List[str]:
    return ["cibadmin", "--modify", "--allow-create", "--scope", "alerts", "--xml-text", alert_xml(options)]


def register(options: argparse.Namespace) -> None:
    """Tell the cluster to run us; once for all nodes, and doing it again changes nothing."""
    done = change_cib(register_command(options))
    if done:
        raise AgentError(f"the alert could not be registered: {done}. Start the cluster, or use --no-register.")
    print(f"registered as alert {options.alert_id}")


def change_cib(words: List[str]) -> str:
    """Run cibadmin; what went wrong, or nothing."""
    try:
        done = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, env=environment(), check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    said = done.stdout.decode("utf-8", "replace").strip() or f"status {done.returncode}"
    return said if done.returncode else ""


def quote(word: str) -> str:
    return word if re.match(r"[\w@%+=:,./-]+$", word) else "'" + word.replace("'", "'\"'\"'") + "'"


def uninstall(options: argparse.Namespace) -> int:
    with contextlib.suppress(AgentError):
        options.spool = load_config(options.config)["spool"]
    failed = ""
    if not options.no_register:
        xml = "<alert id={}/>".format('"' + options.alert_id + '"')
        failed = change_cib(["cibadmin", "--delete", "--scope", "alerts", "--xml-text", xml])
    for path in (options.config, options.script):
        with contextlib.suppress(OSError):
            os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(path))
    if os.path.exists(os.path.join(options.spool, "lock")) or not spool_in_use(options.spool):
        shutil.rmtree(options.spool, ignore_errors=True)
    if failed:
        print(f"warning: the alert {options.alert_id} may still be registered: {failed}", file=sys.stderr)
        return 1
    print("removed" + ("" if options.no_register else "; the alert is no longer registered, on any node"))
    return 0


def spool_in_use(spool: str) -> bool:
    """A folder that holds other things than ours is left alone."""
    try:
        names = os.listdir(spool)
    except OSError:
        return False
    return any(not re.match(r"\.?\d{20}-\d+(\.json)?$|dropped$|last\.json", name) for name in names)


def status(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    waiting, lost = len(spooled(config["spool"])), dropped(config["spool"])
    print("node      {}".format(config.get("node", "")))
    print("gateway   {}".format(config["url"]))
    print("spooled   {} alerts in {}".format(waiting, config["spool"]))
    print(f"dropped   {lost}")
    last = read_alert(os.path.join(config["spool"], "last.json"))
    if last:
        when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(last.get("at", 0)))
        print("last try  {}: {} {}".format(when, last.get("status"), last.get("said") or "").rstrip())
    else:
        print("last try  none yet")
    delivered = last is None or 200 <= int(last.get("status", 0)) < 300
    return 0 if delivered and not waiting else 1


def flush(options: argparse.Namespace) -> int:
    return 0 if deliver(load_config(options.config), options.patience) else 1


def show_facts(options: argparse.Namespace) -> int:
    node = options.node or run(["crm_node", "-n"]).strip() or os.uname()[1]
    print(json.dumps(with_quorum(collect_facts(node)), indent=1))
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway_agent.py", description=(__doc__ or "").split("\n\n")[0].strip())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    made = {}
    for name, action, what in (
        ("install", install, "write the configuration, collect facts, register the alert (as root)"),
        ("uninstall", uninstall, "undo install (as root); the alert ends for the whole cluster, unless --no-register"),
        ("status", status, "how delivery is doing; exit status 1 when something waits"),
        ("flush", flush, "post what is spooled"),
        ("facts", show_facts, "print what install would tell of this node"),
    ):
        made[name] = commands.add_parser(name, help=what)
        made[name].set_defaults(action=action)
        if name != "facts":
            made[name].add_argument("--config", default=config_path(), help="default: %(default)s")
    for name in ("install", "uninstall"):
        made[name].add_argument("--spool", default=SPOOL, help="default: %(default)s")
        made[name].add_argument("--script", default=SCRIPT, help="where the agent is put; default: %(default)s")
        made[name].add_argument("--alert-id", default=ALERT_ID, help="default: %(default)s")
        made[name].add_argument("--no-register", action="store_true", help="leave the cluster's configuration alone")
    for name in ("install", "facts"):
        made[name].add_argument("--node", help="our name in the cluster; default: what the cluster says")
    made["install"].add_argument("--url", required=True, help="https://GATEWAY:PORT/ingest/SOURCE")
    made["install"].add_argument("--token-file", help="file with the token, - for standard input")
    made["install"].add_argument("--ca-file", help="certificates to trust; default: the system's")
    made["install"].add_argument("--identity", help="JSON file with the facts of this node, instead of collecting them")
    made["install"].add_argument("--user", default="hacluster", help="who runs alert agents; default: %(default)s")
    made["install"].add_argument("--group", default="haclient", help="default: %(default)s")
    made["flush"].add_argument("--patience", type=float, default=0.0, help="seconds to keep trying; default: 0")
    return parser


def main(words: List[str]) -> int:
    try:
        if not words and "CRM_alert_kind" in os.environ:
            config = load_config(config_path())
            if take_alert(dict(os.environ), config) and detach():
                deliver(config, PATIENCE_S)
                os._exit(0)
            return 0
        options = arguments().parse_args(words)
        return int(options.action(options))
    except (AgentError, OSError) as error:
        print(f"gateway_agent: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
