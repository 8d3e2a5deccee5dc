"""Outlook: the whole answer to a loss, in a word and in a line."""

from collections import Counter
from collections.abc import Iterable

from gateway.model.entities import EntityKind
from gateway.model.rows import Entity
from gateway.model.verdicts import Colour, Verdict
from gateway.topology.recovery import Judgement

K, V = EntityKind, Verdict
_NOTICED = frozenset({K.SERVICE, K.REPLICATION_GROUP, K.WORKLOAD, K.POD, K.HA_RESOURCE, K.VM})
"""Kinds whose restart disrupts somebody; machines, nodes and storage that come back were used by these."""


def colour(judged: Iterable[tuple[Entity, Judgement]], blind: bool) -> Colour:
    """The whole answer in a word. `blind`: there is something that nothing is known of."""
    seen = {one.verdict for entity, one in judged if one.verdict is not V.RESTARTS or entity.kind in _NOTICED}
    if seen & {V.LOST, V.BLOCKS}:
        return Colour.RED
    return Colour.AMBER if blind or seen & {V.RESTARTS, V.UNKNOWN} else Colour.GREEN


def outlook(whole: Colour, judged: Iterable[Judgement]) -> str:
    """The whole answer in a line: `RED after a reboot: 2 lost, 1 unknown, 3 restart`."""
    counts = Counter(one.verdict for one in judged)
    words = {V.RESTARTS: "restart", V.STAYS: "stay", V.MIGRATES: "migrate", V.BLOCKS: "block"}
    worst_first = sorted(counts, key=lambda verdict: -verdict.badness)
    parts = [f"{counts[verdict]} {words.get(verdict, verdict.value)}" for verdict in worst_first]
    return f"{whole.value.upper()} after a reboot: {', '.join(parts) or 'nothing that is known is affected'}"
