"""A domain that is active on two hosts: both are read again until it is not."""

from gateway.collectors.libvirt.duplicates import Duplicates
from gateway.collectors.libvirt.reader import Reading
from gateway.collectors.libvirt.records import (
    Domain,
    DomainDefinition,
    DomainReading,
    DomainStatus,
    HostFacts,
    HostReading,
)

RUNNING, INCOMING, OFF = (1, 1), (3, 2), (5, 1)


def web(state: tuple[int, int]) -> tuple[Domain, ...]:
    return (Domain(DomainStatus("web", "web", 1, *state), DomainDefinition()),)


def whole(host: str, state: tuple[int, int] | None) -> Reading:
    return HostReading(host, HostFacts(), web(state) if state else ())


def some(host: str, state: tuple[int, int] | None) -> Reading:
    return DomainReading(host, frozenset({"web"}), web(state) if state else ())


def told(*readings: Reading) -> Duplicates:
    duplicates = Duplicates()
    for reading in readings:
        duplicates.note(reading, 100.0)
    return duplicates


def test_both_hosts_are_read_again_after_five_seconds_and_then_less_often() -> None:
    duplicates = told(whole("a", RUNNING), some("b", RUNNING))
    assert duplicates.due_in_s(100.0) == 5.0
    assert duplicates.due(104.9) == frozenset()
    assert duplicates.due(105.0) == {"a", "b"}
    assert duplicates.due(105.0) == frozenset()
    assert duplicates.due_in_s(105.0) == 5.0
    assert duplicates.due(110.0) == {"a", "b"}
    assert duplicates.due_in_s(110.0) == 10.0


def test_nothing_is_due_when_it_is_active_on_one_only() -> None:
    for other in (whole("b", OFF), some("b", INCOMING), whole("b", None), some("b", None)):
        assert told(whole("a", RUNNING), other).due_in_s(100.0) is None


def test_it_ends_with_either_side_however_that_is_told() -> None:
    for end in (whole("b", OFF), some("b", OFF), whole("b", None), some("b", None), whole("a", None)):
        assert told(whole("a", RUNNING), some("b", RUNNING), end).due_in_s(100.0) is None


def test_a_lost_host_has_no_say() -> None:
    duplicates = told(whole("a", RUNNING), some("b", RUNNING))
    duplicates.forget("a")
    assert duplicates.due_in_s(100.0) is None
    duplicates.note(whole("a", RUNNING), 120.0)
    assert duplicates.due(125.0) == {"a", "b"}


def test_a_reading_of_other_domains_changes_nothing() -> None:
    duplicates = told(whole("a", RUNNING), some("b", RUNNING))
    duplicates.note(DomainReading("b", frozenset({"mail"})), 101.0)
    assert duplicates.due(105.0) == {"a", "b"}
