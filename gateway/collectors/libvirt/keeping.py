"""What a HostMemory knows, as plain values for the state file, and back again."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar, cast

from gateway.collectors.libvirt.memory import HostMemory, IoError, Remembered, failure_of
from gateway.collectors.libvirt.records import Disk, Domain, DomainDefinition, DomainStatus, Nic
from gateway.collectors.libvirt.states import is_active

Kept = dict[str, dict[str, Any]]
"""By UUID: what is remembered of a domain, as JSON can hold it; what is not said is as a domain never heard of."""

_FLAGS = ("incoming", "outgoing", "awaited", "abandoned", "live", "died")
_STATUS = ("name", "id", "state", "reason")
_TIMES = ("watchdogs", "reboots")
T = TypeVar("T")


def kept(memory: HostMemory) -> Kept:
    """
    What of a memory has to outlive the process; nothing of domains that are off and of which nothing else is known.

    Definitions are read again, except those that the host may have forgotten by then.
    """
    found = {uuid: _kept(one, one.last) for uuid, one in sorted(memory.domains.items()) if one.last is not None}
    return {uuid: saved for uuid, saved in found.items() if saved}


class Keeper:
    """What the hosts of a fleet know, as values to be kept; made anew only of hosts of which more is known."""

    def __init__(self, memories: Iterable[HostMemory]) -> None:
        self._memories = tuple(memories)
        self._made: dict[str, tuple[int, Kept]] = {}

    def hosts(self) -> dict[str, Kept]:
        """By host; those of which nothing has to be kept are left out."""
        for memory in self._memories:
            made = self._made.get(memory.host)
            if made is None or made[0] != memory.version:
                self._made[memory.host] = (memory.version, kept(memory))
        return {host: known for host, (_, known) in self._made.items() if known}


def restored(host: str, saved: Mapping[str, Mapping[str, Any]]) -> dict[str, Remembered]:
    """
    What `kept` gave.

    Raises:
        ValueError, TypeError, KeyError: it is none of that.
    """
    return {str(uuid): _restored(host, str(uuid), one) for uuid, one in saved.items()}


def record(kind: type[T], saved: Mapping[str, Any], **parts: Any) -> T:
    """
    A flat record of `saved` values; lists become tuples. `parts`: values that are made elsewhere.

    Raises:
        TypeError: a value is missing, or of another type than its field's default.
    """
    values: dict[str, Any] = dict(parts)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in saved and field.name not in parts:
            value = _frozen(saved[field.name])
            expected = str if field.default is MISSING else type(field.default)
            if type(value) is not expected:
                raise TypeError(f"{kind.__name__}.{field.name} is no {expected.__name__}")
            values[field.name] = value
    return kind(**values)


def _kept(one: Remembered, last: Domain) -> dict[str, Any]:
    told: dict[str, Any] = {flag: True for flag in _FLAGS if getattr(one, flag)}
    told |= {name: list(times) for name in _TIMES if (times := getattr(one, name))}
    if one.ended:
        told["ended"] = one.ended
    if one.missed_since:
        told["missed_since"] = one.missed_since
    if one.io_error is not None:
        told["io_error"] = asdict(one.io_error)
    if one.failures:
        told["failures"] = [fact.at for fact in one.failures]
    if not told and not is_active(last.status):
        return {}
    told["last"] = {name: getattr(last.status, name) for name in _STATUS}
    if not last.persistent or one.missed_since:
        told["persistent"] = last.persistent
        told["definition"] = asdict(last.definition)
    return told


def _restored(host: str, uuid: str, saved: Mapping[str, Any]) -> Remembered:
    last = saved["last"]
    status = DomainStatus(uuid, str(last["name"]), int(last["id"]), int(last["state"]), int(last["reason"]))
    error = saved.get("io_error")
    return Remembered(
        last=Domain(status, _definition(saved.get("definition", {})), persistent=bool(saved.get("persistent", True))),
        **{flag: bool(saved.get(flag, False)) for flag in _FLAGS},
        ended=str(saved.get("ended", "")),
        missed_since=int(saved.get("missed_since", 0)),
        io_error=None if error is None else record(IoError, error),
        watchdogs=_times(saved, "watchdogs"),
        reboots=_times(saved, "reboots"),
        failures=tuple(failure_of(host, uuid, status.name, at) for at in _times(saved, "failures")),
    )


def _times(saved: Mapping[str, Any], name: str) -> tuple[int, ...]:
    return tuple(map(int, saved.get(name, ())))


def _definition(saved: Mapping[str, Any]) -> DomainDefinition:
    return record(
        DomainDefinition,
        saved,
        disks=tuple(record(Disk, disk) for disk in saved.get("disks", ())),
        nics=tuple(record(Nic, nic) for nic in saved.get("nics", ())),
    )


def _frozen(value: object) -> object:
    return tuple(map(_frozen, cast(list[object], value))) if isinstance(value, list | tuple) else value
