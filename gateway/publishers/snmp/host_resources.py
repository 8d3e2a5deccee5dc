"""
Host resources: basics of the gateway itself and of its machine (HOST-RESOURCES-MIB, RFC 2790).

Of the running software only the gateway is shown: what else runs there is for the machine's own agent to say.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.publishers.snmp.segments import ScalarColumn, Segment, ServedColumn
from gateway.publishers.snmp.static import StaticColumn, StaticRow, static_columns
from gateway.schema.snmp import syntax
from gateway.schema.snmp.arcs import PRODUCT, under
from gateway.wire.ber import Oid, encode_integer, encode_octets, encode_oid, encode_time_ticks

_HOST: Final[Oid] = (1, 3, 6, 1, 2, 1, 25)
_SYSTEM: Final[Oid] = (*_HOST, 1)
_RUNNING_ENTRY: Final[Oid] = (*_HOST, 4, 2, 1)
_PERFORMANCE_ENTRY: Final[Oid] = (*_HOST, 5, 1, 1)
_LARGEST: Final = 2**31 - 1
_APPLICATION, _IS_RUNNING = encode_integer(4), encode_integer(1)
"""hrSWRunType, hrSWRunStatus."""
_PAGE_KIB: Final = os.sysconf("SC_PAGE_SIZE") // 1024
_STATM: Final = Path("/proc/self/statm")


def host_columns(root: Oid, now: Callable[[], int]) -> list[ServedColumn]:
    """`root`: where our MIB hangs. `now`: microseconds UTC."""
    process = os.getpid()
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE_KIB
    row = StaticRow((process,), {1: encode_integer(process), **_program(root)})
    return [
        ScalarColumn((*_SYSTEM, 1), _uptime),
        ScalarColumn((*_SYSTEM, 2), lambda: syntax.TIME.encode(now())),
        ScalarColumn((*_HOST, 2, 2), lambda: _number(memory)),
        *static_columns(_RUNNING_ENTRY, [row]),
        _Figure((*_PERFORMANCE_ENTRY, 1), process, lambda: _number(_cpu_hundredths())),
        _Figure((*_PERFORMANCE_ENTRY, 2), process, lambda: _number(_resident_kib())),
    ]


class _Figure(StaticColumn):
    """The value of one row, measured when it is asked for."""

    __slots__ = ("_index", "_value")

    def __init__(self, prefix: Oid, index: int, value: Callable[[], bytes]) -> None:
        self._index, self._value = (index,), value
        super().__init__(prefix, ((self._index, value()),))

    def refresh(self, number: int) -> Segment:
        self.show(((self._index, self._value()),))
        return super().refresh(number)


def _program(root: Oid) -> dict[int, bytes]:
    """hrSWRunName, ID, Path, Parameters (may hold secrets, so they are not told), Type, Status."""
    path = sys.executable.encode("utf-8", "replace")[:128]
    values = (encode_octets(b"gateway"), encode_oid(under(root, PRODUCT)), encode_octets(path), encode_octets(b""))
    return dict(enumerate((*values, _APPLICATION, _IS_RUNNING), 2))


def _uptime() -> bytes:
    return encode_time_ticks(int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100) & 0xFFFFFFFF)


def _number(value: int) -> bytes:
    return encode_integer(min(value, _LARGEST))


def _cpu_hundredths() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int((used.ru_utime + used.ru_stime) * 100)


def _resident_kib() -> int:
    return int(_STATM.read_text().split()[1]) * _PAGE_KIB
