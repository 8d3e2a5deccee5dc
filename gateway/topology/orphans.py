"""Orphans: failures that were not told because their root was, and that hold on after it has ended."""

from gateway.model.conditions import Category, SettleTimes
from gateway.model.rows import Alarm
from gateway.topology.alarms import failures_under, raise_alarm
from gateway.topology.draft import Draft

_SAID = "still so after the failure that it followed from has ended"


def watch_orphans(draft: Draft, settle: SettleTimes) -> None:
    """
    What followed from a failure that ended in this revision gets the time to end as well (`[settle]` exhausted).

    What is silent waits as it does for its source (`silence.tell_late`).
    """
    ended = {alarm.event_id for alarm in draft.ended_alarms() if alarm.raised and alarm.category is Category.FAILURE}
    for alarm in draft.raised_alarms() if ended else ():
        if alarm.caused_by not in ended:
            continue
        if alarm.category is Category.STALE:
            draft.judge_at(f"scope:{alarm.index}", draft.at + 2 * settle.stale_disconnect)
        else:
            _watch(draft, alarm, settle)


def watch_again(draft: Draft, settle: SettleTimes) -> None:
    """After a restart: those whose root is not active any more, by what the rows say."""
    raised = draft.raised_alarms()
    active = {alarm.event_id for alarm in raised}
    for alarm in raised:
        if alarm.category is Category.FAILURE and alarm.caused_by and alarm.caused_by not in active:
            _watch(draft, alarm, settle)


def tell_orphan(draft: Draft, index: int) -> None:
    """
    It has held on: raised with the same key and told, unless it follows from another failure that is.

    What is below it and held on as well goes first.
    """
    alarm = draft.alarm(index)
    if alarm is None or not _is_due(draft, index):
        draft.judge_at(_key(index), None)
        return
    for each in (*reversed(list(failures_under(draft, alarm.entity))), alarm):
        if _is_due(draft, each.index):
            draft.judge_at(_key(each.index), None)
            raise_alarm(draft, each, said=f"{each.text}; {_SAID}" if each.text else _SAID)


def _is_due(draft: Draft, index: int) -> bool:
    due = draft.due(_key(index))
    return due is not None and due <= draft.at


def _key(index: int) -> str:
    return f"orphan:{index}"


def _watch(draft: Draft, alarm: Alarm, settle: SettleTimes) -> None:
    draft.judge_at(_key(alarm.index), draft.at + settle.exhausted)
