"""Whether a domain is on its host, how certainly, and in which state."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from gateway.collectors.libvirt.fleet import Fleet, Hold
from gateway.collectors.libvirt.memory import HostMemory, Remembered, is_arriving
from gateway.collectors.libvirt.records import Domain, DomainStatus
from gateway.collectors.libvirt.states import Paused, Running, Shutoff, State, is_active, is_in_transit, words
from gateway.model.entities import EntityState
from gateway.model.relations import Arrival, Phase


@dataclass(frozen=True, slots=True)
class Presence:
    """A domain that is active on its host. `arriving`: it does not run here yet."""

    phase: Phase
    arrival: Arrival
    arriving: bool = False


def presence_of(domain: Domain, one: Remembered) -> Presence | None:
    """How a domain is on its host; None: it is not active there."""
    status = domain.status
    if not is_active(status):
        return None
    arriving = is_arriving(one, domain)
    leaving = one.awaited or domain.migrating_out
    moving = arriving or leaving or is_in_transit(status) or _is(status, State.PAUSED, _TORN)
    arrival = Arrival.LIVE if one.live or _is(status, State.RUNNING, _CAME_LIVE) else Arrival.RESTART
    return Presence(Phase.TRANSITIONAL if moving else Phase.STABLE, arrival, arriving)


def hold_of(domain: Domain, presence: Presence | None) -> Hold:
    """How firmly the host has the domain."""
    if presence is not None:
        return Hold.INACTIVE if presence.arriving else Hold.ACTIVE
    return Hold.LEFT_BEHIND if _is(domain.status, State.SHUTOFF, {Shutoff.MIGRATED}) else Hold.INACTIVE


def resume(fleet: Fleet, memories: Iterable[HostMemory]) -> None:
    """A fleet that begins with what its hosts had when an earlier process read them."""
    holds = [
        (hold_of(one.last, presence_of(one.last, one)), uuid, memory.host)
        for memory in memories
        for uuid, one in memory.domains.items()
        if one.last is not None
    ]
    for hold, uuid, host in sorted(holds):
        fleet.claim(uuid, host, hold)


def state_of(domain: Domain, one: Remembered, presence: Presence | None) -> tuple[EntityState, str]:
    """State and reason; a domain that simply runs has no reason."""
    status = domain.status
    if presence is not None and (
        presence.arriving or domain.migrating_out or _is(status, State.PAUSED, _BETWEEN_HOSTS)
    ):
        return EntityState.MIGRATING, "arriving" if presence.arriving else "leaving"
    if status.state in (State.RUNNING, State.BLOCKED, State.NOSTATE):
        return EntityState.RUNNING, ""
    if one.died:
        return EntityState.CRASHED, "off since its host or daemon restarted"
    if _is(status, State.SHUTOFF, _FAILED) or _is(status, State.PAUSED, {Paused.CRASHED}):
        return EntityState.CRASHED, words(status)
    if _is(status, State.PAUSED, {Paused.STARTING_UP}):
        return EntityState.STARTING, words(status)
    if _is(status, State.SHUTOFF, {Shutoff.SAVED}) or (status.state == State.SHUTOFF and domain.managed_save):
        return EntityState.SUSPENDED, words(status)
    return _BY_STATE.get(status.state, EntityState.UNKNOWN), words(status)


_CAME_LIVE = frozenset({Running.MIGRATED, Running.POSTCOPY, Running.POSTCOPY_FAILED})
_TORN = frozenset({Paused.POSTCOPY_FAILED})
_BETWEEN_HOSTS = frozenset({Paused.MIGRATION, Paused.POSTCOPY})
_FAILED = frozenset({Shutoff.CRASHED, Shutoff.FAILED})
_BY_STATE: Mapping[int, EntityState] = {
    State.PAUSED: EntityState.PAUSED,
    State.SHUTDOWN: EntityState.STOPPING,
    State.SHUTOFF: EntityState.STOPPED,
    State.CRASHED: EntityState.CRASHED,
    State.PMSUSPENDED: EntityState.SUSPENDED,
}


def _is(status: DomainStatus, state: State, reasons: Set[int]) -> bool:
    return status.state == state and status.reason in reasons
