"""What should be told of libvirt hosts, derived from two statuses: pure cases, no host."""

from __future__ import annotations

from collections import Counter

from tests.lab.libvirt.status import REASONED, Domain, Host, Status
from tests.lab.libvirt.told import Judgement, Notice, judge

VMS = ("vm1",)
SENDS = ", sends"


def status(*, silent: tuple[str, ...] = (), **said: str) -> Status:
    """Hosts h1 and h2, and what each says of vm1."""
    hosts = {}
    for name in ("h1", "h2"):
        domains = {"vm1": _domain(said[name])} if name in said else {}
        hosts[name] = Host(name, powered=True, answers=True, connected=name not in silent, domains=domains)
    return Status(hosts)


def _domain(text: str) -> Domain:
    words = REASONED.fullmatch(text.removesuffix(SENDS))
    assert words is not None
    return Domain("vm1", "uuid", words[1], words[2], persistent=True, id=None, busy=text.endswith(SENDS))


def told(*statuses: Status) -> list[Counter[Notice]]:
    """What each status tells after the one before it."""
    judgement, _ = judge(Judgement(), statuses[0], VMS)
    found = []
    for each in statuses[1:]:
        judgement, step = judge(judgement, each, VMS)
        found.append(step)
    return found


HOME = status(h1="running (booted)")
AWAY = status(h1="shut off (migrated)", h2="running (migrated)")
CRASH = Notice.raised("crashed", "vm1")


def test_a_migration_is_told_once_and_its_way_is_not():
    in_flight = status(h1="running (booted), sends", h2="paused (migrating)")
    assert told(HOME, in_flight, AWAY, AWAY) == [
        Counter(),
        Counter([Notice.relocation("vm1", "h1", "h2", live=True)]),
        Counter(),
    ]


def test_a_migration_that_failed_is_told_with_the_place_where_it_stayed():
    in_flight = status(h1="running (booted), sends", h2="paused (migrating)")
    assert told(HOME, in_flight, HOME) == [Counter(), Counter([Notice.migration_failed("vm1", "h1")])]


def test_a_migration_has_failed_when_its_source_gives_up_whether_or_not_the_destination_can_be_heard():
    in_flight = status(h1="running (booted), sends", h2="paused (migrating)")
    cut = status(h1="running (booted), sends", silent=("h2",))
    given_up = status(h1="running (booted)", silent=("h2",))
    left_over = status(h1="running (booted)", h2="paused (migrating)")
    assert told(HOME, in_flight, cut, given_up, left_over, HOME)[1:] == [
        Counter([Notice.raised("sourceStale", "h2")]),
        Counter([Notice.migration_failed("vm1", "h1")]),
        Counter([Notice.cleared("sourceStale", "h2")]),
        Counter(),
    ]


def test_stopped_in_between_only_delays():
    off = status(h1="shut off (destroyed)")
    there = status(h1="shut off (destroyed)", h2="running (booted)")
    assert told(HOME, off, there) == [Counter(), Counter([Notice.relocation("vm1", "h1", "h2", live=False)])]


def test_a_crash_is_raised_and_a_start_anywhere_clears_it():
    crashed = status(h1="shut off (crashed)")
    there = status(h1="shut off (crashed)", h2="running (booted)")
    assert told(HOME, crashed, there) == [
        Counter([CRASH]),
        Counter([Notice.cleared("crashed", "vm1"), Notice.relocation("vm1", "h1", "h2", live=False)]),
    ]


def test_what_was_stopped_before_its_host_went_down_has_not_crashed():
    assert told(status(h1="shut off (destroyed)"), status(h1="shut off (unknown)")) == [Counter()]
    assert told(HOME, status(h1="shut off (unknown)")) == [Counter([CRASH])]


def test_a_silent_host_is_stale_and_says_nothing():
    assert told(HOME, status(silent=("h1",)), HOME) == [
        Counter([Notice.raised("sourceStale", "h1")]),
        Counter([Notice.cleared("sourceStale", "h1")]),
    ]


def test_a_guest_that_runs_elsewhere_while_its_host_is_silent_is_told_as_uncertain():
    elsewhere = status(silent=("h1",), h2="running (booted)")
    found = status(h1="shut off (unknown)", h2="running (booted)")
    assert told(HOME, status(silent=("h1",)), elsewhere, found)[1:] == [
        Counter([Notice.relocation("vm1", "h1", "h2", live=False), Notice.raised("placementUncertain", "vm1")]),
        Counter([Notice.cleared("placementUncertain", "vm1"), Notice.cleared("sourceStale", "h1")]),
    ]


def test_two_active_copies_are_a_conflict_until_one_is_gone():
    both = status(h1="running (booted)", h2="running (booted)")
    assert told(HOME, both, HOME) == [
        Counter([Notice.raised("placementConflict", "vm1")]),
        Counter([Notice.cleared("placementConflict", "vm1")]),
    ]


def test_an_io_error_is_raised_and_cleared():
    assert told(HOME, status(h1="paused (I/O error)"), status(h1="running (unpaused)")) == [
        Counter([Notice.raised("pausedIoError", "vm1")]),
        Counter([Notice.cleared("pausedIoError", "vm1")]),
    ]


def test_what_a_person_did_is_no_failure():
    for text in ("shut off (destroyed)", "shut off (shutdown)", "shut off (saved)", "paused (user)"):
        assert told(HOME, status(h1=text)) == [Counter()]
    assert told(HOME, status()) == [Counter()], "undefined"
