"""Carriers: what an entity runs on, layer by layer down to the hardware."""

from collections.abc import Iterator

from gateway.model.entities import EntityKind
from gateway.model.relations import Phase, RelationKind
from gateway.topology.draft import Draft

_DEEPEST = 16
"""Layers of one chain; a real one has about seven."""


def carriers_of(draft: Draft, entity: int) -> Iterator[int]:
    """
    The hosts below an entity, nearest first, as far as each layer has one: by our judgement, else by what is claimed.

    Of what is stopped, or not heard of, where it was last. Ends are entity indexes.
    """
    passed = {entity}
    for _ in range(_DEEPEST):
        host = _host_of(draft, entity)
        if host is None or host in passed:
            return
        passed.add(host)
        yield host
        entity = host


def machine_under(draft: Draft, host: int) -> int | None:
    """
    The physical host that an HA node or a hypervisor is on; None when that is not known, or it is in a VM.
    """
    for carrier in (host, *carriers_of(draft, host)):
        kind = draft.record(carrier).key.kind
        if kind is EntityKind.PHYSICAL_HOST:
            return carrier
        if kind is EntityKind.VM:
            return None
    return None


def hypervisors_under(draft: Draft, entity: int) -> list[int]:
    """The hypervisors that an entity is on, itself included: below it, or beside it on the same machine."""
    below = [entity, *carriers_of(draft, entity)]
    machine = machine_under(draft, below[-1])
    beside = draft.entities_on(machine, RelationKind.RUNS_ON) if machine is not None else []
    return [e for e in dict.fromkeys((*below, *beside)) if draft.record(e).key.kind is EntityKind.HYPERVISOR]


def layers_under(draft: Draft, host: int) -> list[int]:
    """A host and all that a failure of which takes it along: its carriers, and the hypervisors that show their loss."""
    return list(dict.fromkeys((host, *carriers_of(draft, host), *hypervisors_under(draft, host))))


def _host_of(draft: Draft, entity: int) -> int | None:
    placement = draft.placement(entity)
    if placement is not None:
        return draft.entity_of(placement.host)
    claims = draft.entity_claims(entity, RelationKind.RUNS_ON)
    hosts = {draft.entity_of(claim.lower) for claim in claims if claim.phase is not Phase.TRANSITIONAL}
    return hosts.pop() if len(hosts) == 1 else None
