"""A small estate, built by hand: rows in, Snapshot (or the Changes that commit it) out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.model.changes import Changes
from gateway.model.conditions import Category, ConditionKind, Severity
from gateway.model.entities import EntityKind, EntityState, NativeKey, Value
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Alarm, Claim, Placement, Record, Source, SourceState
from gateway.model.snapshot import Snapshot, scope_key
from gateway.topology.assemble import assemble

SECOND = 1_000_000
T0 = 1_763_700_000 * SECOND
"""2025-11-21 04:40:00 UTC."""
K, R, S = EntityKind, RelationKind, EntityState


def uuid(index: int) -> str:
    return f"019aa000-0000-7000-8000-{index:012d}"


@dataclass
class Estate:
    """Rows by name. `kind:name` names an entity."""

    at: int = T0
    revision: int = 7
    records: dict[str, Record] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    placements: dict[int, Placement] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    freshness: dict[str, int] = field(default_factory=dict)

    def source(self, name: str, kind: str, interval_s: int = 20, state: SourceState = SourceState.OK) -> None:
        index = 1000 + len(self.sources)
        self.sources[name] = Source(index, uuid(index), name, kind, state, interval_s * SECOND, self.at - SECOND)
        self.freshness[scope_key(name, "")] = self.at - SECOND

    def add(self, kind: EntityKind, name: str, source: str, subtype: str = "", **fields: Any) -> int:
        index = fields.pop("index", len(self.records) + 1)
        record = Record(
            index=index,
            id=uuid(index),
            source=source,
            scope="",
            key=NativeKey(kind, name),
            name=name,
            subtype=subtype,
            state=fields.pop("state", S.RUNNING),
            reason=fields.pop("reason", ""),
            aliases=(),
            attributes=fields.pop("attributes", {}),
            first_seen=self.at - 3600 * SECOND,
            state_since=self.at - 60 * SECOND,
            entity=index,
        )
        self.records[f"{kind.value}:{name}"] = replace(record, **fields)
        return index

    def index(self, name: str) -> int:
        return self.records[name].index

    def claim(self, kind: RelationKind, upper: str, lower: str, **fields: Any) -> None:
        source = fields.pop("source", self.records[upper].source)
        since = fields.pop("since", self.at - 600 * SECOND)
        self.claims.append(Claim(source, kind, self.index(upper), self.index(lower), since=since, **fields))

    def place(self, upper: str, host: str, role: str = "", phase: Phase = Phase.STABLE, **fields: Any) -> None:
        """A placement with the claim that proves it; `open=False`: stopped, the claim is gone."""
        index, source = self.index(upper), self.records[upper].source
        if fields.get("open", True):
            self.claim(R.RUNS_ON, upper, host, role=role, phase=phase)
        since = self.at - 600 * SECOND
        self.placements[index] = Placement(index, self.index(host), role, since, source, **fields)

    def unplace(self, upper: str) -> None:
        index = self.index(upper)
        self.placements.pop(index, None)
        self.claims = [c for c in self.claims if not (c.upper == index and c.kind is R.RUNS_ON)]

    def change(self, name: str, **fields: Any) -> None:
        self.records[name] = replace(self.records[name], **fields)

    def alarm(self, entity: str, condition: ConditionKind = ConditionKind.BLOCKED, **fields: Any) -> Alarm:
        record = self.records[entity]
        alarm = Alarm(
            index=len(self.alarms) + 1,
            key=f"{condition.value}:{record.id}",
            condition=condition,
            category=Category.FAILURE,
            severity=Severity.CRITICAL,
            entity=record.index,
            source=record.source,
            detail="",
            text="is blocked",
            remedy="crm_resource --cleanup",
            since=self.at - 30 * SECOND,
            due=self.at - 20 * SECOND,
            raised_at=self.at - 20 * SECOND,
            event_id=uuid(900_000 + len(self.alarms)),
        )
        self.alarms.append(replace(alarm, **fields))
        return self.alarms[-1]

    def snapshot(self, **changed: Any) -> Snapshot:
        rows: Mapping[str, Any] = {
            "records": self.records.values(),
            "claims": self.claims,
            "placements": self.placements.values(),
            "alarms": self.alarms,
            "sources": self.sources.values(),
            "freshness": self.freshness,
            "revision": self.revision,
            "at": self.at,
            "next_index": len(self.records) + 1,
            "next_alarm": len(self.alarms) + 1,
        }
        return assemble(**{**rows, **changed})

    def changes(self) -> Changes:
        """What commits this estate into an empty database, as revision 1."""
        return Changes(
            revision=1,
            at=self.at,
            next_index=len(self.records) + 1,
            next_alarm=len(self.alarms) + 1,
            records={record.index: (None, record) for record in self.records.values()},
            claims=tuple((None, claim) for claim in self.claims),
            placements={index: (None, placement) for index, placement in self.placements.items()},
            alarms={alarm.index: (None, alarm) for alarm in self.alarms},
            sources=self.sources,
            freshness=self.freshness,
        )


HOSTS = ("alpha", "beta", "gamma")


def three_hosts() -> Estate:
    """
    Three hosts in two racks of one site; on each a hypervisor, a VM, its guest OS, a node of the HA cluster `c1`.

    In the cluster: vip (on n1), group web (web-ip, web-srv on n1), clone ping (everywhere), promotable db
    (promoted on n1), batch (stopped, last on n2). The service shop depends on web and db. vm1 has its disk on lun1.
    """
    estate = Estate()
    estate.source("facts", "declared", 0)
    estate.source("kvm", "libvirt")
    estate.source("c1", "pacemaker")
    estate.add(K.SITE, "hq", "facts")
    for number, host in enumerate(HOSTS, 1):
        _stack(estate, number, host)
    _cluster(estate)
    _storage(estate)
    return estate


def _stack(estate: Estate, number: int, host: str) -> None:
    rack = "r1" if number < 3 else "r2"
    if f"rack:{rack}" not in estate.records:
        estate.add(K.RACK, rack, "facts")
        estate.claim(R.PART_OF, f"rack:{rack}", "site:hq")
    estate.add(K.PHYSICAL_HOST, host, "facts")
    estate.claim(R.PART_OF, f"physical_host:{host}", f"rack:{rack}")
    estate.add(K.HYPERVISOR, host, "kvm", "kvm")
    estate.place(f"hypervisor:{host}", f"physical_host:{host}")
    estate.add(K.VM, f"vm{number}", "kvm")
    estate.place(f"vm:vm{number}", f"hypervisor:{host}")
    estate.add(K.GUEST_OS, f"os{number}", "c1")
    estate.place(f"guest_os:os{number}", f"vm:vm{number}")
    estate.add(K.HA_NODE, f"n{number}", "c1")
    estate.place(f"ha_node:n{number}", f"guest_os:os{number}")


def _cluster(estate: Estate) -> None:
    estate.add(K.HA_CLUSTER, "c1", "c1")
    for number in (1, 2, 3):
        estate.claim(R.MEMBER_OF, f"ha_node:n{number}", "ha_cluster:c1", attributes={"votes": 1})
    estate.add(K.HA_RESOURCE, "vip", "c1", "primitive")
    estate.place("ha_resource:vip", "ha_node:n1", "started")
    estate.add(K.HA_RESOURCE, "web", "c1", "group")
    for member in ("web-ip", "web-srv"):
        estate.add(K.HA_RESOURCE, member, "c1", "primitive")
        estate.place(f"ha_resource:{member}", "ha_node:n1", "started")
        estate.claim(R.PART_OF, f"ha_resource:{member}", "ha_resource:web")
    estate.add(K.HA_RESOURCE, "ping", "c1", "clone")
    for number in (1, 2, 3):
        estate.claim(R.RUNS_ON, "ha_resource:ping", f"ha_node:n{number}", role="started")
    estate.add(K.HA_RESOURCE, "db", "c1", "promotable")
    estate.claim(R.RUNS_ON, "ha_resource:db", "ha_node:n1", role="promoted")
    estate.claim(R.RUNS_ON, "ha_resource:db", "ha_node:n2", role="unpromoted")
    estate.add(K.HA_RESOURCE, "batch", "c1", "primitive", state=S.STOPPED)
    stopped = {"open": False, "left_at": estate.at - 300 * SECOND}
    estate.place("ha_resource:batch", "ha_node:n2", "started", **stopped)
    estate.add(K.SERVICE, "shop", "facts")
    estate.add(K.HA_RESOURCE, "web2", "c1", "primitive")
    estate.unplace("ha_resource:web2")
    for lower in ("web", "db"):
        estate.claim(R.DEPENDS_ON, "service:shop", f"ha_resource:{lower}", source="facts")


def _storage(estate: Estate) -> None:
    estate.add(K.STORAGE_POOL, "san", "facts")
    estate.add(K.VOLUME, "lun1", "kvm")
    estate.claim(R.BACKED_BY, "volume:lun1", "storage_pool:san")
    attributes: Mapping[str, Value] = {"mode": "RWO"}
    estate.claim(R.USES_STORAGE, "vm:vm1", "volume:lun1", attributes=attributes)
