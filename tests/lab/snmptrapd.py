"""A real snmptrapd that receives what the gateway sends, and hands each notification over as a record."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.requirements import SEARCH_PATH, missing_tools

SNMP_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
START_TIMEOUT_S = 15.0

# Strings are printed in hex, so no value can hold these.
RECORD, FIELD, END = "\x1e", "\x1f", "\x1d"


class SnmptrapdError(Exception):
    """snmptrapd did not start, or what was waited for did not come; the message shows what it printed."""


@dataclass(frozen=True, slots=True)
class V3User:
    """
    A user of SNMPv3 notifications.

    `engine_id` (hex) is the sender's for traps; None for informs, where the receiver's own counts.
    Protocols are those of net-snmp: MD5, SHA, SHA-224 ... SHA-512; DES, AES, AES-192, AES-256.
    """

    name: str
    engine_id: str | None = None
    auth_protocol: str = ""
    auth_password: str = ""
    privacy_protocol: str = ""
    privacy_password: str = ""

    @property
    def level(self) -> str:
        if self.privacy_protocol:
            return "priv"
        return "auth" if self.auth_protocol else "noauth"

    def configuration(self) -> str:
        engine = f"-e 0x{self.engine_id.removeprefix('0x')} " if self.engine_id else ""
        auth = f' {self.auth_protocol} "{self.auth_password}"' if self.auth_protocol else ""
        privacy = f' {self.privacy_protocol} "{self.privacy_password}"' if self.privacy_protocol else ""
        return f"createUser {engine}{self.name}{auth}{privacy}\nauthUser log {self.name} {self.level}\n"


@dataclass(frozen=True, slots=True)
class Notification:
    """
    One notification as it arrived.

    Values are text: numbers in digits, OIDs in digits without a leading dot, octet strings as UTF-8, or as `0x...`
    when they are not printable (line breaks and tabs count as printable). `octets` has the bytes of all octet strings.
    """

    oid: str
    varbinds: dict[str, str]
    time: float
    source: str
    octets: dict[str, bytes] = field(default_factory=dict)


class Snmptrapd:
    """
    snmptrapd on a UDP port, v2c with one community and v3 with the users given.

    It keeps running over restarts of the sender: v3 senders come back with the same engine ID and more boots.
    """

    def __init__(
        self,
        *,
        community: str = "public",
        users: Sequence[V3User] = (),
        enter: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        """
        Args:
            enter: argv prefix of the namespace to run in.
            address: where to listen; `0.0.0.0` for all of the namespace.
            port: default: a free one.
        """
        self.address = address
        self.port = port or _free_port(address if not enter else "127.0.0.1")
        self._enter = list(enter)
        self._community = community
        self._users = list(users)
        self._folder = Path(tempfile.mkdtemp(prefix="gateway-snmptrapd-"))
        self.file = self._folder / "notifications"
        self._received: list[Notification] = []
        self._arrived = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._said: list[str] = []

    def __enter__(self) -> Snmptrapd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self) -> None:
        """
        Start snmptrapd and wait until it listens.

        Raises:
            SnmptrapdError: it did not.
        """
        configuration = self._folder / "snmptrapd.conf"
        configuration.write_text(self._configuration())
        # One line per record; %t would have whole seconds only, so the time is taken on arrival.
        layout = f"{RECORD}%b{FIELD}%V{FIELD}%v{END}\n"
        command = ["snmptrapd", "-f", "-Lo", "-n", "-C", "-c", str(configuration), "-m", "", "-On", "-Ox", "-Ot"]
        command += ["-Oe", "-F", layout, f"udp:{self.address}:{self.port}"]
        self._said.clear()
        self._process = subprocess.Popen(
            [*self._enter, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={"PATH": SEARCH_PATH, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self._folder / "persistent")},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=[self._process], daemon=True)
        self._reader.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not any("NET-SNMP version" in line for line in self._said):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SnmptrapdError(f"snmptrapd did not start on port {self.port}: {''.join(self._said)}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it; what was received stays, and `start` goes on with the same port."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        if self._reader is not None:
            self._reader.join(5)
        self._process = None

    def kill(self) -> None:
        """`kill -9`; what was received stays, and `start` goes on with the same port."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
        self.stop()

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add_user(self, user: V3User) -> None:
        """Accept one more v3 user from now on, as soon as its sender's engine ID is known (restarts snmptrapd)."""
        self._users.append(user)
        self.stop()
        self.start()

    def received(self) -> list[Notification]:
        """Everything received so far, in order of arrival."""
        with self._arrived:
            return list(self._received)

    def clear(self) -> None:
        """Forget what was received."""
        with self._arrived:
            self._received.clear()

    def wait_for(self, predicate: Callable[[Notification], bool], timeout_s: float = 10.0) -> Notification:
        """
        The first notification, received or to come, that fulfils the predicate.

        Raises:
            SnmptrapdError: none within `timeout_s`.
        """
        found = self.wait_for_many(predicate, 1, timeout_s)
        return found[0]

    def wait_for_many(
        self, predicate: Callable[[Notification], bool], number: int, timeout_s: float = 10.0
    ) -> list[Notification]:
        """Like `wait_for`, until at least `number` fulfil it; all that do are returned."""

        def matching() -> list[Notification]:
            return [notification for notification in self._received if predicate(notification)]

        with self._arrived:
            if self._arrived.wait_for(lambda: len(matching()) >= number, timeout_s):
                return matching()
            seen = "\n".join(f"{each.oid} {each.varbinds}" for each in self._received)
        raise SnmptrapdError(f"not {number} within {timeout_s} s; received:\n{seen}\n{''.join(self._said[-20:])}")

    def _configuration(self) -> str:
        users = "".join(user.configuration() for user in self._users)
        return (
            f"authCommunity log {self._community}\n{users}"
            "doNotLogTraps no\nignoreAuthFailure yes\n"
            "[snmp] hexOutputLength 0\n[snmp] serverRecvBuf 4194304\n"
        )

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with self.file.open("a") as record:
            for line in process.stdout:
                if not line.startswith(RECORD):
                    self._said.append(line)
                    continue
                now = time.time()
                record.write(f"{now:.6f} {line}")
                record.flush()
                with self._arrived:
                    self._received.append(parse_record(line, now))
                    self._arrived.notify_all()


def parse_record(line: str, now: float) -> Notification:
    """Parse one line of the layout given to snmptrapd."""
    source, *varbinds = line.strip(f"\n{RECORD}{END}").split(FIELD)
    return _notification([varbind for varbind in varbinds if varbind], source, now)


def missing() -> str | None:
    """Say what keeps snmptrapd (and the net-snmp clients) from running here, or None."""
    return missing_tools({"snmptrapd": "snmptrapd", "snmptrap": "snmp", "snmpget": "snmp"})


def _notification(varbinds: Sequence[str], source: str, now: float) -> Notification:
    texts: dict[str, str] = {}
    octets: dict[str, bytes] = {}
    for varbind in varbinds:
        name, _, printed = varbind.partition(" = ")
        name = name.strip().lstrip(".")
        kind, colon, value = printed.partition(": ")
        if colon and kind == "Hex-STRING":
            octets[name] = bytes.fromhex(value)
            texts[name] = _text(octets[name])
        elif printed == '""':  # an empty string has no type in net-snmp's output
            octets[name], texts[name] = b"", ""
        else:
            texts[name] = _plain(value if colon else printed)
    return Notification(texts.pop(SNMP_TRAP_OID, ""), texts, now, source, octets)


def _plain(value: str) -> str:
    return value.strip().lstrip(".") if re.fullmatch(r"\s*\.[\d.]+\s*", value) else value.strip()


def _text(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return "0x" + octets.hex()
    printable = all(character.isprintable() or character in "\n\r\t" for character in text)
    return text if printable else "0x" + octets.hex()


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]
