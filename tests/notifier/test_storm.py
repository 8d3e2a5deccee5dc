"""Storm control: one cause, few notifications; nothing is lost, and every alarm ends."""

from dataclasses import replace

from gateway.model.conditions import Severity
from gateway.model.events import Cause, EventKind
from gateway.model.notices import NoticeKind
from gateway.notifier.line import summary
from gateway.notifier.storm import Storm, StormTerms, root_of
from tests.store.estate import T0, A, B, moved

TERMS = StormTerms(per_cause=3, at_most=8, window_s=10.0)


def of_cause(number: int, root: str = "root", **changes):
    return moved(T0, number, caused_by=root, seq=number, **changes)


def test_above_the_limit_relocations_of_one_cause_are_held_until_the_window_ends():
    storm = Storm(TERMS)
    assert [storm.admits(of_cause(n), 0.1 * n) for n in range(1, 6)] == [True, True, True, False, False]
    assert (storm.oldest_held, storm.ends) == (4, 10.1)
    assert list(storm.due(10.0)) == []
    ((root, held),) = storm.due(10.2)
    assert (root, [event.seq for event in held]) == ("root", [4, 5])
    assert (storm.oldest_held, storm.ends) == (None, None)
    assert storm.admits(of_cause(6), 11.0)


def test_other_causes_and_what_has_none_are_not_held_with_them():
    storm = Storm(TERMS)
    assert [storm.admits(of_cause(n), 0.0) for n in range(1, 5)][-1] is False
    assert storm.admits(of_cause(5, "another"), 0.0)
    assert storm.admits(of_cause(6, ""), 0.0)


def test_above_the_receivers_rate_all_but_the_ends_of_alarms_is_held():
    storm = Storm(TERMS)
    assert all(storm.admits(of_cause(n, ""), 0.0) for n in range(1, 9))
    assert not storm.admits(of_cause(9, "", kind=EventKind.FAILURE_RAISED), 0.0)
    assert storm.admits(of_cause(10, "", kind=EventKind.FAILURE_CLEARED), 0.0)
    ((root, held),) = storm.due(10.0)
    assert (root, [event.seq for event in held]) == ("", [9])


def test_zero_is_no_limit():
    storm = Storm(StormTerms(0, 0))
    assert all(storm.admits(of_cause(n), 0.0) for n in range(1, 5_000))
    assert list(storm.due(100.0)) == []


def test_a_summary_says_what_it_stands_for_and_has_the_same_id_when_it_is_sent_again():
    held = (of_cause(4), of_cause(7, severity=Severity.CRITICAL, kind=EventKind.FAILURE_RAISED))
    told = summary("noc", "root", held, T0)
    assert (told.kind, told.count, told.first, told.last, told.caused_by) == (NoticeKind.SUMMARY, 2, 4, 7, "root")
    assert (told.names, told.severity) == (("vm10",), Severity.CRITICAL)
    assert "2 events of one cause" in told.text
    assert summary("noc", "root", held, T0 + 5).id == told.id
    assert summary("nms", "root", held, T0).id != told.id
    assert summary("noc", "root", (*held, replace(held[0], id="x")), T0).id != told.id


def test_what_leaves_one_host_because_it_is_lost_has_one_cause_also_when_no_alarm_names_it():
    lost = [moved(T0, n, cause=Cause.FAILOVER) for n in range(2)]
    assert root_of(lost[0]) == root_of(lost[1]) != ""
    assert root_of(moved(T0, 3, cause=Cause.EVACUATION)) not in ("", root_of(lost[0]))
    assert root_of(moved(T0, 4, cause=Cause.FAILOVER, old=B, new=A)) != root_of(lost[0])
    assert root_of(moved(T0, 5, cause=Cause.BALANCING)) == ""
    assert root_of(moved(T0, 6, cause=Cause.FAILOVER, caused_by="root")) == "root"
    assert root_of(moved(T0, 7, kind=EventKind.FAILURE_RAISED, caused_by="root")) == ""
