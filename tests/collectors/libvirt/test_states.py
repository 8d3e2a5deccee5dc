"""Numbers of states and reasons are libvirt's own; which of them mean that a domain is active."""

import libvirt
import pytest

from gateway.collectors.libvirt import states
from gateway.collectors.libvirt.records import DomainStatus
from gateway.collectors.libvirt.states import is_active, is_in_transit, words


def status(state: int, reason: int = 0, instance: int = 1) -> DomainStatus:
    return DomainStatus("u", "vm", instance, state, reason)


@pytest.mark.parametrize(
    ("enum", "prefix"),
    [
        (states.State, ""),
        (states.Running, "RUNNING_"),
        (states.Paused, "PAUSED_"),
        (states.Shutoff, "SHUTOFF_"),
        (states.Crashed, "CRASHED_"),
    ],
)
def test_every_number_is_libvirts(enum, prefix):
    assert {m.name: m.value for m in enum} == {m.name: getattr(libvirt, f"VIR_DOMAIN_{prefix}{m.name}") for m in enum}


@pytest.mark.parametrize("enum", [states.Running, states.Paused, states.Shutoff, states.Crashed])
def test_no_reason_is_missing(enum):
    prefix = f"VIR_DOMAIN_{enum.__name__.upper()}_"
    assert {name.removeprefix(prefix) for name in dir(libvirt) if name.startswith(prefix)} == set(enum.__members__)


def test_what_runs_is_paused_or_ends_is_active_and_what_is_off_is_not():
    assert [state.name for state in states.State if is_active(status(state))] == [
        "NOSTATE",
        "RUNNING",
        "BLOCKED",
        "PAUSED",
        "SHUTDOWN",
        "CRASHED",
        "PMSUSPENDED",
    ]
    assert not is_active(status(states.State.CRASHED, instance=-1))
    assert not is_active(status(99))


def test_a_domain_that_starts_or_is_between_two_hosts_is_in_transit():
    paused = [reason.name for reason in states.Paused if is_in_transit(status(3, reason))]
    assert paused == ["MIGRATION", "STARTING_UP", "POSTCOPY"]
    assert not is_in_transit(status(1, states.Running.MIGRATED))


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ((1, 0), "running"),
        ((1, 2), "running (migrated)"),
        ((3, 5), "paused (I/O error)"),
        ((5, 5), "shut off (saved)"),
        ((5, 3), "shut off (crashed)"),
        ((6, 1), "crashed (panicked)"),
        ((5, 77), "shut off (77)"),
        ((42, 1), "state 42"),
    ],
)
def test_states_are_said_in_words(shown, said):
    assert words(status(*shown)) == said
