"""What a view means: entities, placements with their phases, relations, evidence."""

import pytest

from gateway.collectors.pacemaker.alerts import Alert
from gateway.collectors.pacemaker.facts import Domain, NodeFacts
from gateway.collectors.pacemaker.mapping import is_transitional
from gateway.model.conditions import ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, KeyStrength
from gateway.model.observations import EvidenceKind, Glimpse, Whole
from gateway.model.relations import Arrival, RelationKind
from tests.collectors.pacemaker.given import changed, entity, observation, octets, places, relations, resource

UUID = "4c4c4544-0042-3510-8052-b4c04f4a4d32"
GUEST_UUID = "11111111-2222-4333-8444-555555555555"


# -- what is an entity -------------------------------------------------------------------------------------------


def test_each_thing_of_the_cluster_is_one_entity():
    seen = observation("quiet", "quiet-cib")
    assert sorted((one.key.kind.value, one.key.native, one.subtype) for one in seen.entities) == [
        ("fence_device", "power", ""),
        ("ha_cluster", "halab", "pacemaker"),
        ("ha_node", "n1", "member"),
        ("ha_node", "n2", "member"),
        ("ha_node", "n3", "member"),
        ("ha_resource", "agent-clone", "clone"),
        ("ha_resource", "app", "group"),
        ("ha_resource", "app-db", "primitive"),
        ("ha_resource", "app-fs", "primitive"),
        ("ha_resource", "app-ip", "primitive"),
        ("ha_resource", "db-clone", "promotable"),
        ("ha_resource", "svc-a", "primitive"),
        ("ha_resource", "svc-b", "primitive"),
        ("ha_resource", "vm-1", "primitive"),
    ]
    assert isinstance(seen.covers, Whole)


def test_without_a_cib_the_cluster_has_the_name_of_the_source():
    assert entity(observation("quiet"), EntityKind.HA_CLUSTER, "lab").state is EntityState.RUNNING


def test_members_are_part_of_their_group_in_order_and_the_group_is_nowhere():
    seen = observation("quiet", "quiet-cib")
    (part,) = relations(seen, RelationKind.PART_OF, "app-fs")
    assert (part.lower, part.attributes) == (resource("app"), {"position": 2})
    assert places(seen, "app") == {}


def test_a_promotable_clone_is_on_each_node_in_its_role():
    assert places(observation("quiet"), "db-clone") == {
        "n1": "promoted stable",
        "n2": "unpromoted stable",
        "n3": "unpromoted stable",
    }


def test_nodes_have_votes_and_fence_devices_with_their_plugs():
    seen = observation("guests", "guests-cib")
    assert [one.attributes["votes"] for one in relations(seen, RelationKind.MEMBER_OF, "alpha")] == [1]
    assert [one.attributes["votes"] for one in relations(seen, RelationKind.MEMBER_OF, "guest1")] == [0]
    (fenced,) = relations(seen, RelationKind.FENCED_BY, "alpha")
    assert (fenced.lower.native, fenced.attributes) == ("power-alpha", {"target": "blade-7", "level": "1"})
    (fenced,) = relations(seen, RelationKind.FENCED_BY, "beta")
    assert fenced.attributes == {"target": "vm-beta"}


def test_a_bundle_is_where_its_containers_run_and_its_parts_are_nothing():
    seen = observation("guests", "guests-cib")
    claims = relations(seen, RelationKind.RUNS_ON, "httpd")
    assert {(one.lower.native, one.role, one.attributes["replicas"]) for one in claims} == {
        ("beta", "unpromoted", "0"),
        ("alpha", "unpromoted", "1"),
    }
    names = {one.key.native for one in seen.entities}
    assert not names & {"httpd-0", "httpd-1", "httpd-docker-0", "httpd-payload", "httpd-ip-192.0.2.131"}


def test_two_replicas_on_one_node_are_one_claim_that_names_both():
    both = changed("guests", ('<node name="beta" id="2" cached="true"/>', '<node name="alpha" id="1" cached="true"/>'))
    (claim,) = relations(observation(both, "guests-cib"), RelationKind.RUNS_ON, "httpd")
    assert (claim.lower.native, claim.attributes) == ("alpha", {"replicas": "0,1"})


def test_a_guest_node_runs_on_the_vm_that_its_resource_starts():
    seen = observation("guests", "guests-cib")
    assert entity(seen, EntityKind.HA_NODE, "guest1").subtype == "guest"
    (inside,) = relations(seen, RelationKind.RUNS_ON, "guest1")
    assert (inside.lower.kind, inside.lower.native) == (EntityKind.VM, "vm-guest")
    uppers = {one.upper.kind: one.lower.native for one in relations(seen, RelationKind.RUNS_ON, "vm-guest")}
    assert uppers == {EntityKind.VM: "alpha", EntityKind.HA_RESOURCE: "alpha"}
    managers = {one.lower.kind for one in relations(seen, RelationKind.MANAGED_BY, "vm-guest")}
    assert managers == {EntityKind.HA_RESOURCE, EntityKind.HA_CLUSTER}
    assert places(seen, "web") == {"guest1": "started stable"}
    assert not [one for one in seen.entities if one.key == resource("guest1")]


def test_the_domain_behind_a_vm_is_known_from_an_agents_facts():
    facts = NodeFacts("beta", domains=(Domain("/etc/libvirt/qemu/guest.xml", "shop", GUEST_UUID),))
    vm = entity(observation("guests", "guests-cib", [facts]), EntityKind.VM, "vm-guest")
    assert Alias(KeyNamespace.DOMAIN_UUID, GUEST_UUID) in vm.aliases
    assert (vm.name, vm.attributes["domain"]) == ("shop", "shop")


def test_without_an_agent_the_name_of_the_definition_is_a_weak_key_and_no_proof():
    vm = entity(observation("guests", "guests-cib"), EntityKind.VM, "vm-guest")
    assert vm.aliases == (Alias(KeyNamespace.DOMAIN_NAME, "guest"),)
    assert vm.aliases[0].namespace.strength is KeyStrength.WEAK
    assert vm.name == "vm-guest"


def test_facts_of_a_node_give_it_an_operating_system_with_keys():
    facts = NodeFacts("n1", smbios_uuid=UUID, host_name="n1.example.com", macs=("52:54:00:00:00:01",))
    seen = observation("quiet", "quiet-cib", [facts])
    system = entity(seen, EntityKind.GUEST_OS, "n1/os")
    assert system.name == "n1.example.com"
    assert Alias(KeyNamespace.SMBIOS_UUID, UUID) in system.aliases
    assert [one.lower for one in relations(seen, RelationKind.RUNS_ON, "n1")] == [system.key]
    assert relations(seen, RelationKind.RUNS_ON, "n2") == []


def test_a_guest_node_with_facts_has_its_system_between_itself_and_the_vm():
    seen = observation("guests", "guests-cib", [NodeFacts("guest1", smbios_uuid=UUID)])
    (first,) = relations(seen, RelationKind.RUNS_ON, "guest1")
    (second,) = relations(seen, RelationKind.RUNS_ON, "guest1/os")
    assert (first.lower.kind, second.lower.kind) == (EntityKind.GUEST_OS, EntityKind.VM)


def test_the_connection_to_a_remote_node_is_no_entity():
    seen = observation("remote-lost")
    assert entity(seen, EntityKind.HA_NODE, "r1").subtype == "remote"
    assert not [one for one in seen.entities if one.key == resource("r1")]


def test_leftover_bans_and_real_dependencies_are_relations():
    seen = observation("guests", "guests-cib")
    bans = {one.lower.native: one.attributes for one in relations(seen, RelationKind.CONSTRAINED_TO, "store")}
    assert bans["beta"] == {"id": "cli-ban-store-on-beta", "score": "-INFINITY", "leftover": True}
    assert bans["guest1"]["leftover"] is False
    (depends,) = relations(seen, RelationKind.DEPENDS_ON, "web")
    assert (depends.lower, depends.attributes["order"]) == (resource("store"), "store-then-vm")
    ruled = relations(seen, RelationKind.CONSTRAINED_TO, "vm-guest")
    assert [(one.lower.native, one.attributes["score"]) for one in ruled] == [("alpha", "100")]


def test_storage_and_tickets_are_attributes():
    seen = observation("guests", "guests-cib")
    assert entity(seen, EntityKind.HA_RESOURCE, "store-fs").attributes["device"] == "/dev/vg0/data"
    assert entity(seen, EntityKind.HA_CLUSTER, "guests").attributes["ticket.site-east"] == "granted"


# -- how a placement may be judged -------------------------------------------------------------------------------


def test_a_live_migration_is_in_transition_on_both_nodes():
    seen = observation("migrating")
    assert places(seen, "vm-1") == {"n1": "stopping transitional", "n2": "stopping transitional"}
    assert entity(seen, EntityKind.HA_RESOURCE, "vm-1").state is EntityState.STOPPING
    assert is_transitional(seen)


def test_started_on_two_nodes_while_a_migration_is_under_way_is_in_transition():
    started = changed("migrating", ('role="Stopping"', 'role="Started"'))
    assert set(places(observation(started), "vm-1").values()) == {"started transitional"}


def test_started_on_two_nodes_with_nothing_under_way_is_a_claim_to_both():
    text = octets("quiet").decode()
    one = '<node name="n3" id="3" cached="true"/>'
    start = text.index(one, text.index('<resource id="vm-1"'))
    both = text[:start] + '<node name="n2" id="2" cached="true"/>' + text[start:]
    assert places(observation(both.encode()), "vm-1") == {"n2": "started stable", "n3": "started stable"}


def test_a_resource_that_was_migrated_has_arrived_live_and_others_by_a_restart():
    seen = observation("migrated")
    arrivals = {one.upper.native: one.arrival for one in seen.relations if one.kind is RelationKind.RUNS_ON}
    assert arrivals["vm-1"] is Arrival.LIVE
    assert arrivals["svc-a"] is Arrival.RESTART


@pytest.mark.parametrize(
    ("attributes", "phase"),
    [
        ('role="Started" pending="Monitoring"', "stable"),
        ('role="Started" pending="Migrating"', "transitional"),
        ('role="Starting"', "transitional"),
        ('role="Promoting"', "transitional"),
        ('role="Stopping"', "transitional"),
    ],
)
def test_phases_of_one_started_node(attributes, phase):
    text = octets("quiet").decode()
    start = text.index('role="Started"', text.index('<resource id="svc-a"'))
    seen = observation((text[:start] + attributes + text[start + len('role="Started"') :]).encode())
    assert places(seen, "svc-a")["n1"].endswith(phase)


def test_a_failed_resource_is_in_transition_while_the_cluster_may_act():
    text = octets("quiet").decode()
    start = text.index('failed="false"', text.index('<resource id="svc-a"'))
    failed = text[:start] + 'failed="true"' + text[start + len('failed="false"') :]
    assert places(observation(failed.encode()), "svc-a") == {"n1": "started transitional"}
    ignored = failed.replace('failed="true" failure_ignored="false"', 'failed="true" failure_ignored="true"')
    assert places(observation(ignored.encode()), "svc-a") == {"n1": "started stable"}


def test_a_blocked_resource_stays_where_it_is():
    assert places(observation("blocked"), "svc-a") == {"n1": "started stable"}
    assert entity(observation("blocked"), EntityKind.HA_RESOURCE, "svc-a").state is EntityState.BLOCKED


def test_what_is_on_an_unclean_node_is_last_known_there_with_its_state_unknown():
    seen = observation("fencing-failed")
    assert places(seen, "app-db") == {"n1": "started last_known"}
    assert places(seen, "svc-a") == {"n2": "started stable"}
    assert entity(seen, EntityKind.HA_RESOURCE, "app-db").state is EntityState.UNKNOWN
    assert entity(seen, EntityKind.HA_NODE, "n1").state is EntityState.UNCLEAN


def test_a_node_that_joins_is_starting_and_drains_nothing():
    seen = observation("joining")
    assert entity(seen, EntityKind.HA_NODE, "n1").state is EntityState.STARTING
    assert EvidenceKind.HOST_DRAINED not in {one.kind for one in seen.evidence}


def test_a_view_without_quorum_is_a_glimpse_of_last_known_places():
    seen = observation("without-quorum")
    assert isinstance(seen.covers, Glimpse)
    assert {one.phase.value for one in seen.relations if one.role} == {"last_known"}
    assert seen.judged == {ConditionKind.QUORUM_LOST}
    assert [one.kind for one in seen.conditions] == [ConditionKind.QUORUM_LOST]


def test_without_quorum_but_ignoring_it_a_view_is_authoritative():
    careless = changed("without-quorum", ('no-quorum-policy="stop"', 'no-quorum-policy="ignore"'))
    seen = observation(careless)
    assert isinstance(seen.covers, Whole)
    assert ConditionKind.QUORUM_LOST not in {one.kind for one in seen.conditions}


def test_a_live_view_needs_a_dc_and_a_saved_one_does_not():
    text = octets("quiet").decode()
    start = text.index("<current_dc")
    end = text.index("/>", start)
    headless = (text[:start] + '<current_dc present="false"' + text[end:]).encode()
    assert isinstance(observation(headless).covers, Glimpse)
    assert isinstance(observation(headless, needs_dc=False).covers, Whole)


# -- why things move ---------------------------------------------------------------------------------------------


def test_a_fencing_that_succeeded_is_evidence_with_its_time():
    (lost,) = [one for one in observation("failover").evidence if one.kind is EvidenceKind.HOST_LOST]
    assert (lost.host, lost.identity, lost.at) == ("n1", "2026-11-21 01:58:35Z", 1_795_226_315_000_000)


def test_failures_are_evidence_about_the_resource_on_the_node():
    failed = [one for one in observation("exhausted").evidence if one.kind is EvidenceKind.FAILED_ON]
    assert {(one.host, one.entity) for one in failed} >= {(node, resource("svc-b")) for node in ("n1", "n2", "n3")}


def test_a_ban_by_a_person_is_a_request_to_leave():
    (asked,) = [one for one in observation("blocked").evidence if one.kind is EvidenceKind.REQUESTED]
    assert (asked.entity, asked.host, asked.away, asked.identity) == (
        resource("svc-a"),
        "n1",
        True,
        "cli-ban-svc-a-on-n1",
    )


def test_a_failed_migration_is_told_from_the_node_that_was_to_be_left():
    line = '<failure op_key="vm-1_migrate_to_0" node="n1" exitstatus="error" exitreason="" exitcode="1" call="9" '
    line += (
        'status="complete" last-rc-change="2026-11-21 01:58:35Z" queued="0" exec="0" interval="0" task="migrate_to"/>'
    )
    failed = octets("quiet").decode().replace("</node_history>", f"</node_history><failures>{line}</failures>")
    found = [one for one in observation(failed.encode()).evidence if one.kind is EvidenceKind.MIGRATION_FAILED]
    assert [(one.host, one.entity) for one in found] == [("n1", resource("vm-1"))]


def test_alerts_are_evidence_and_all_nodes_tell_of_one_fencing():
    fenced = [Alert("fencing", "n1", at, task="reboot", identity="a-reference") for at in (1, 2)]
    failed = Alert("resource", "n2", 3, "db", "start", succeeded=False, identity="start@3")
    seen = observation("quiet", alerts=(*fenced, failed))
    assert [(one.host, one.identity) for one in seen.evidence if one.kind is EvidenceKind.HOST_LOST] == [
        ("n1", "a-reference")
    ]
    (found,) = [one for one in seen.evidence if one.kind is EvidenceKind.FAILED_ON]
    assert (found.host, found.entity) == ("n2", resource("db-clone"))
