"""Under another enterprise number: the agent and its values follow, and so do views that name our tables."""

from __future__ import annotations

from gateway.publishers.snmp import SnmpPublisher, SnmpSettings
from gateway.schema.snmp.arcs import ENTERPRISE, PRODUCT, parse_root, under
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.notification_log import LOG
from gateway.schema.snmp.notifications import notification_of, varbinds_of
from gateway.support.clock import SystemClock
from gateway.wire.translation import SNMP_TRAP_ADDRESS
from gateway.wire.values import ObjectIdentifier, VarBind
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import REVISION, Asker
from tests.publishers.snmp.test_recent import relocation

ROOT = parse_root("4711.5")
ESTATE = estate.snapshot(70)


def publisher(**more: object) -> SnmpPublisher:
    settings = SnmpSettings.model_validate({**running.SETTINGS, "enterprise": "4711.5", **more})
    clock = SystemClock()
    engine = SnmpEngine(running.ENGINE_ID, 3, clock.monotonic(), settings.root)
    return SnmpPublisher(settings, running.Holder(ESTATE), engine, clock, "test")


def followed(varbind: VarBind) -> VarBind:
    value = varbind.value
    if isinstance(value, ObjectIdentifier):
        value = ObjectIdentifier(under(ROOT, value.value))
    return VarBind(under(ROOT, varbind.oid), value)


def test_a_walk_has_the_same_rows_under_the_other_root():
    usual = Asker(running.make(running.Holder(ESTATE))).walk(ENTERPRISE)
    moved = Asker(publisher()).walk(ROOT)
    assert len(moved) > 1000
    assert moved == [followed(varbind) for varbind in usual]


def test_nothing_of_the_documentation_number_is_left():
    asker = Asker(publisher())
    assert asker.walk(ENTERPRISE) == []
    named = [varbind.value.value for varbind in asker.walk((1, 3)) if isinstance(varbind.value, ObjectIdentifier)]
    assert under(ROOT, PRODUCT) in named
    assert not [oid for oid in named if oid[: len(ENTERPRISE)] == ENTERPRISE]


def test_notifications_and_the_log_of_them_follow():
    event = relocation(70)
    moved = [followed(varbind) for varbind in varbinds_of(event)]
    assert list(varbinds_of(event, root=ROOT)) == moved
    served = publisher()
    served.remember([event])
    asker = Asker(served)
    logged = [varbind.value for varbind in asker.walk((*LOG, 2, 1, 2))]
    assert logged == [*(ObjectIdentifier(varbind.oid) for varbind in moved), ObjectIdentifier(SNMP_TRAP_ADDRESS)]
    [told] = asker.walk((*LOG, 1, 1, 9))
    assert told.value == ObjectIdentifier(under(ROOT, notification_of(event.kind).oid))


def test_a_view_may_name_our_tables_wherever_they_hang():
    views = {"few": {"include": ["topologyGatewayMIB"], "exclude": ["topoEntityTable"]}}
    communities = {"few": {"community": "few", "view": "few"}}
    asker = Asker(publisher(views=views, communities=communities), b"few")
    assert asker.get(under(ROOT, REVISION)).value is not None
    assert asker.walk((*ROOT, 1, 3)) == []
    assert asker.walk((*ROOT, 1, 4)) != []
    assert asker.walk((1, 3, 6, 1, 2, 1)) == []
