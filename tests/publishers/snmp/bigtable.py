"""The benchmark's table in two agents: in snmpd, by its loadable module, and in ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.model.shelf import BITS
from gateway.publishers.snmp import SnmpSettings
from gateway.publishers.snmp.access import Access
from gateway.publishers.snmp.agent import Agent
from gateway.publishers.snmp.render import Renderer
from gateway.publishers.snmp.segments import ColumnEncoder, Segment
from gateway.publishers.snmp.system import Counters
from gateway.schema.snmp.engine import SnmpEngine
from gateway.wire.ber import Oid, encode_sub_identifiers
from gateway.wire.usm import AuthoritativeEngine
from tests.publishers.snmp import running

MODULE = Path(__file__).parents[2] / "benchmarks" / "snmpd"
sys.path.append(str(MODULE))
import data  # noqa: E402 - the benchmark's scripts are no package

TABLE: Oid = data.TABLE
COLUMNS: tuple[int, ...] = data.COLUMNS
COUNTER64 = 8


class FixedColumn:
    """One column of the table, in segments as the renderer makes them."""

    single = True
    rows_of: object = "bigtable"

    def __init__(self, number: int, rows: int) -> None:
        self.prefix = (*TABLE, 1, number)
        self.in_v1 = number != COUNTER64
        self.bits = BITS
        self.count = (rows >> 6) + 1
        self.segments: dict[int, Segment] = {}
        encoder = ColumnEncoder(self.prefix)
        for shard in range(self.count):
            keys = [row for row in range(shard << 6, shard + 1 << 6) if 1 <= row <= rows]
            suffixes = [encode_sub_identifiers((key,)) for key in keys]
            ends, blob = encoder.encode(suffixes, [data.cell(number, key) for key in keys])
            self.segments[shard] = Segment(0, keys, ends, blob)

    def refresh(self, number: int) -> Segment:
        return self.segments[number]

    def following(self, number: int) -> int:
        return number + 1


def agent(rows: int) -> Agent:
    """Our agent with the table and nothing else."""
    settings = SnmpSettings.model_validate({"communities": {"all": {"community": "public"}}})
    usm = AuthoritativeEngine(running.ENGINE_ID, 1, [], first_salt=1)
    access = Access(settings, [FixedColumn(number, rows) for number in COLUMNS], [])
    engine = SnmpEngine(running.ENGINE_ID, 1, 0.0)
    holder = running.Holder(Renderer().snapshot)
    return Agent(holder, Renderer(), access, engine, usm, Counters(), time.monotonic)


@contextmanager
def snmpd(folder: Path, rows: int) -> Iterator[socket.socket]:
    """A real snmpd that shows the same table and nothing else; yields a socket connected to it."""
    if not all(shutil.which(tool) for tool in ("snmpd", "net-snmp-config", "gcc")):
        pytest.skip("snmpd, its headers or gcc are missing: apt-get install -y snmp snmpd libsnmp-dev gcc")
    flags = subprocess.run(["net-snmp-config", "--base-cflags"], capture_output=True, text=True, check=True).stdout
    library = folder / "bigtable.so"
    command = ["gcc", "-O1", "-shared", "-fPIC", f"-DNROWS={rows}", *flags.split(), "-o", str(library)]
    subprocess.run([*command, str(MODULE / "bigtable.c")], check=True)
    shown = ".".join(map(str, TABLE))
    configuration = folder / "snmpd.conf"
    configuration.write_text(
        f"view table included .{shown}\nrocommunity public 127.0.0.1 -V table\n"
        f"dlmod bigtable {library}\nmaxGetbulkRepeats 0\nmaxGetbulkResponses 100000\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "MIBS": ""}
    command = ["snmpd", "-f", "-LOw", "-C", "-c", str(configuration), "-I", "-smux,mteTrigger,mteTriggerConf"]
    with (
        subprocess.Popen([*command, f"udp:127.0.0.1:{port}"], env=environment) as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        try:
            client.connect(("127.0.0.1", port))
            client.settimeout(10)
            yield client
        finally:
            process.terminate()
