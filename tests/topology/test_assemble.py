"""A snapshot from its rows: what a merged entity shows, and what the indexes over the rows hold."""

from dataclasses import replace

from gateway.model.conditions import Category, ConditionKind, Severity
from gateway.model.entities import DECLARED, Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.relations import RelationKind
from gateway.model.rows import Alarm, Claim, Placement, Record
from gateway.model.snapshot import native_key, scope_key
from gateway.topology.assemble import alias_key, assemble, merge_entity

MAC = Alias(KeyNamespace.MAC, "52:54:00:00:00:01")
WEB = Record(
    index=5,
    id="0190a000-0000-7000-8000-000000000005",
    source="kvm",
    scope="host1",
    key=NativeKey(EntityKind.VM, "web-uuid"),
    name="Web",
    subtype="qemu",
    state=EntityState.RUNNING,
    reason="",
    aliases=(MAC,),
    attributes={"memory_bytes": 1024, "os": "debian"},
    first_seen=100,
    state_since=200,
    entity=5,
)
DECLARED_WEB = replace(
    WEB,
    index=2,
    id="0190a000-0000-7000-8000-000000000002",
    source="facts",
    scope="",
    name="shop",
    subtype="",
    state=EntityState.UNKNOWN,
    aliases=(),
    attributes={"contact": "web team", "os": "unix"},
    first_seen=50,
    entity=2,
)
HOST = replace(
    WEB,
    index=9,
    id="0190a000-0000-7000-8000-000000000009",
    key=NativeKey(EntityKind.HYPERVISOR, "host1"),
    name="host1",
    aliases=(),
    entity=9,
)


def test_the_oldest_record_gives_identity_and_the_one_that_knows_gives_the_state():
    merged = merge_entity([replace(WEB, entity=2), DECLARED_WEB])
    assert merged is not None
    assert (merged.index, merged.id) == (2, DECLARED_WEB.id)
    assert (merged.name, merged.state, merged.state_since) == ("Web", EntityState.RUNNING, 200)
    assert merged.attributes == {"contact": "web team", "os": "unix", "memory_bytes": 1024}
    assert (merged.sources, merged.records, merged.first_seen) == (("facts", "kvm"), (2, 5), 50)
    assert merged.aliases == (MAC,)


def test_the_name_that_a_person_declared_is_shown_and_the_source_gives_everything_else():
    merged = merge_entity([replace(DECLARED_WEB, subtype=DECLARED), replace(WEB, entity=2)])
    assert merged is not None
    assert (merged.name, merged.subtype, merged.state) == ("shop", "qemu", EntityState.RUNNING)


def test_a_gone_record_gives_only_the_identity_while_another_lives():
    merged = merge_entity([replace(DECLARED_WEB, gone=True), replace(WEB, entity=2)])
    assert merged is not None
    assert (merged.index, merged.id, merged.records, merged.sources) == (2, DECLARED_WEB.id, (5,), ("kvm",))
    assert "contact" not in merged.attributes


def test_an_entity_whose_records_are_all_gone_is_no_entity_but_keeps_its_index():
    assert merge_entity([replace(DECLARED_WEB, gone=True), replace(WEB, gone=True, entity=2)]) is None
    snapshot = assemble(records=[replace(WEB, gone=True)])
    assert snapshot.entity(5) is None
    assert snapshot.natives.get(native_key("kvm", WEB.key)) == 5
    assert snapshot.named("web") == ()
    assert snapshot.scopes.get(scope_key("kvm", "host1")) is None


def test_every_way_to_ask_for_an_entity_finds_it():
    snapshot = assemble(records=[replace(WEB, entity=2), DECLARED_WEB, HOST])
    shop = snapshot.entity(2)
    assert shop is not None
    assert snapshot.entity(5) is shop
    assert snapshot.named("WEB") == snapshot.named("shop") == (shop,)
    assert snapshot.with_id(WEB.id.upper()) is shop
    assert snapshot.aliases.get(alias_key(MAC)) == (5,)
    assert snapshot.scopes.get(scope_key("kvm", "host1")) == frozenset({5, 9})
    assert [entity.index for entity in snapshot.all_entities()] == [2, 9]


def test_claims_and_placements_are_found_from_both_ends():
    claim = Claim("kvm", RelationKind.RUNS_ON, 5, 9)
    storage = Claim("kvm", RelationKind.BACKED_BY, 5, 9)
    snapshot = assemble(
        records=[WEB, HOST], claims=[claim, storage], placements=[Placement(5, 9, "", 200, "kvm")], revision=7, at=300
    )
    web, host = snapshot.entity(5), snapshot.entity(9)
    assert web is not None
    assert host is not None
    assert snapshot.claims_of(web) == snapshot.claims_on(host) == (storage, claim)
    assert snapshot.dependents.get(9) == (5,)
    assert snapshot.placement(web) == Placement(5, 9, "", 200, "kvm")
    assert (snapshot.revision, snapshot.at) == (7, 300)


def test_settling_alarms_are_pending_and_raised_ones_are_not():
    settling = Alarm(
        1, "blocked:x", ConditionKind.BLOCKED, Category.FAILURE, Severity.CRITICAL, 5, "kvm", "", "", "", 200, 500
    )
    raised = replace(settling, index=2, key="exhausted:x", raised_at=400)
    snapshot = assemble(records=[WEB], alarms=[raised, settling])
    assert snapshot.pending == {"alarm:1": 500}
    assert snapshot.alarm_keys.get("exhausted:x") == 2
    assert snapshot.entity_alarms.get(5) == (1, 2)
    assert [alarm.index for alarm in snapshot.active_alarms()] == [2]
