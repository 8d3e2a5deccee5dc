"""
What must have been told: derived from what each gateway process was shown, and from nothing of the gateway.

A process reads again only when the read before is committed. So every read but the last of a process counts; the last
one of a process that was killed may or may not have been committed, and the next process then tells the net effect.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

Way = tuple[str, str]


def is_possible(told: Sequence[Way], places: Sequence[str], certain: Sequence[bool]) -> bool:
    """
    True when some choice of the uncertain reads gives exactly these moves, in this order.

    `places`: where the resource was in each read. `certain`: whether the read was surely committed.
    """
    if not places:
        return not told
    reached = {(None, 0)}  # (place last committed, moves told so far)
    for place, sure in zip(places, certain, strict=True):
        after = set() if sure else set(reached)
        for last, count in reached:
            if last in (None, place):
                after.add((place, count))
            elif count < len(told) and told[count] == (last, place):
                after.add((place, count + 1))
        reached = after
    return any(count == len(told) for _, count in reached)


def certainty(reads: Sequence[tuple[int, int]]) -> list[bool]:
    """Which reads were surely committed: the same process read again afterwards."""
    later: set[int] = set()
    sure = []
    for pid, _ in reversed(reads):
        sure.append(pid in later)
        later.add(pid)
    return sure[::-1]


def wrong(
    told: Mapping[str, Sequence[Way]], history: Sequence[Mapping[str, str]], reads: Sequence[tuple[int, int]]
) -> dict[str, str]:
    """Resources of which something was lost or invented, each with what was shown and what was told."""
    sure = certainty(reads)
    complaints = {}
    for name in history[0]:
        places = [history[state][name] for _, state in reads]
        ways = told.get(name, ())
        if any(earlier[1] != later[0] for earlier, later in pairwise(ways)):
            complaints[name] = f"the moves told are no chain: {list(ways)}"
        elif not is_possible(ways, places, sure):
            complaints[name] = f"told {list(ways)}, shown {list(zip(places, sure, strict=True))}"
    return complaints
