"""topoReceiverTable and topoMissedTable: what becomes of notifications, true at each request."""

import dataclasses

from gateway.model.events import Event
from gateway.model.ports import Missed
from gateway.model.standings import ReceiverHealth, Standing
from gateway.publishers.snmp import SnmpPublisher, SnmpSettings
from gateway.schema.snmp.arcs import under
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.info import SCALARS
from gateway.schema.snmp.notifications import notification_of
from gateway.schema.snmp.receivers import MISSED_TABLE, RECEIVER_TABLE
from gateway.support.clock import SystemClock
from gateway.wire.pdu import PduType
from gateway.wire.values import Counter32, Gauge32, Integer, ObjectIdentifier, OctetString
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import Asker
from tests.store.estate import T0, moved

COLUMNS = {
    column.name: table.column_oid(column) for table in (RECEIVER_TABLE, MISSED_TABLE) for column in table.columns
}
LONG = "x" * 64
NOC = Standing("noc", "192.0.2.1:162", "SNMPv3", True, ReceiverHealth.OK, waiting=3, sent=7, acknowledged=4)


def missed(receiver: str, number: int, *, wanted: bool = False) -> Missed:
    event: Event = dataclasses.replace(moved(T0, number), seq=number)
    return Missed(receiver, event, T0 + 5, "nobody listens there", wanted)


class Kept:
    """Standings that a test writes, and how often they were asked for."""

    def __init__(self, *standings: Standing) -> None:
        self.rows, self.gone, self.asked = standings, (), 0

    def standings(self) -> tuple[Standing, ...]:
        self.asked += 1
        return tuple(dataclasses.replace(row, retried=self.asked) for row in self.rows)

    def missed(self) -> tuple[Missed, ...]:
        return self.gone


def served(kept: Kept) -> SnmpPublisher:
    clock = SystemClock()
    engine = SnmpEngine(running.ENGINE_ID, 3, clock.monotonic(), (1, 3, 6, 1, 4, 1, 4711))
    settings = SnmpSettings.model_validate(running.SETTINGS)
    return SnmpPublisher(settings, running.Holder(estate.snapshot(30)), engine, clock, "test", standings=kept)


def at(publisher: SnmpPublisher, name: str) -> tuple[int, ...]:
    return under(publisher.renderer.look.root, COLUMNS[name])


def index(name: str) -> tuple[int, ...]:
    return (len(name), *name.encode())


def test_a_receiver_is_a_row_by_its_name():
    publisher = served(Kept(NOC))
    asker = Asker(publisher)
    for name, value in {
        "Address": OctetString(b"192.0.2.1:162"),
        "Protocol": OctetString(b"SNMPv3"),
        "Acknowledges": Integer(1),
        "State": Integer(2),
        "Waiting": Gauge32(3),
        "Sent": Counter32(7),
        "Acknowledged": Counter32(4),
        "LastError": OctetString(b""),
        "LastSuccess": OctetString(bytes(8)),
    }.items():
        assert asker.get((*at(publisher, f"topoReceiver{name}"), *index("noc"))).value == value


def test_the_next_request_says_what_is_so_now():
    kept = Kept(NOC)
    publisher = served(kept)
    asker, sent = Asker(publisher), at(publisher, "topoReceiverSent")
    assert [each.value for each in asker.walk(sent)] == [Counter32(7)]
    kept.rows = (dataclasses.replace(NOC, sent=8), Standing("nms", "192.0.2.2:162", "SNMPv2c", False))
    assert [each.value for each in asker.walk(sent)] == [Counter32(0), Counter32(8)]
    kept.rows = ()
    assert asker.walk(sent) == []


def test_names_of_any_length_are_in_the_order_of_their_index():
    rows = [Standing(name, "h:1", "SNMPv2c", False) for name in (LONG, "b", "a" * 63, "aa", "a")]
    publisher = served(Kept(*rows))
    found = [each.oid for each in Asker(publisher).walk(at(publisher, "topoReceiverProtocol"))]
    assert [oid[len(at(publisher, "topoReceiverProtocol")) :] for oid in found] == [
        index(name) for name in ("a", "b", "aa", "a" * 63, LONG)
    ]


def test_what_was_given_up_is_a_row_for_each_receiver():
    kept = Kept(NOC)
    kept.gone = (missed("noc", 4), missed(LONG, 4, wanted=True), missed("noc", 300))
    publisher = served(kept)
    asker = Asker(publisher)
    why, again = at(publisher, "topoMissedWhy"), at(publisher, "topoMissedReplaying")
    assert [each.oid for each in asker.walk(why)] == [
        (*why, *index("noc"), 4),
        (*why, *index("noc"), 300),
        (*why, *index(LONG), 4),
    ]
    assert {each.value for each in asker.walk(why)} == {OctetString(b"nobody listens there")}
    assert [each.value for each in asker.walk(again)] == [Integer(2), Integer(2), Integer(1)]
    told = asker.get((*at(publisher, "topoMissedNotification"), *index("noc"), 4)).value
    wanted = notification_of(kept.gone[0].event.kind).oid
    assert told == ObjectIdentifier(under(publisher.renderer.look.root, wanted))


def test_net_snmp_knows_every_name_and_type_of_it_while_it_changes():
    netsnmp.require()
    kept = Kept(
        *(dataclasses.replace(NOC, receiver=f"noc-{number}", error="l'hôte est injoignable") for number in range(70))
    )
    kept.gone = tuple(missed(f"noc-{number}", seq) for number in range(70) for seq in (1, 2, 900_000))
    with running.running(running.Holder(estate.snapshot(30)), standings=kept) as publisher:
        port = publisher.addresses[0][1]
        receivers = netsnmp.ask("snmpbulkwalk", port, "TOPOLOGY-GATEWAY-MIB::topoReceiverTable")
        gone = netsnmp.ask("snmpwalk", port, "TOPOLOGY-GATEWAY-MIB::topoMissedTable")
    assert receivers.count("\n") + 1 >= 70 * len(RECEIVER_TABLE.columns)
    assert gone.count("\n") + 1 >= 210 * len(MISSED_TABLE.columns)
    assert 'topoReceiverState."noc-7" = INTEGER: ok(2)' in receivers
    assert "hôte" in receivers
    assert 'topoMissedNotification."noc-7".900000 = OID: TOPOLOGY-GATEWAY-MIB::topologyRelocation' in gone
    for said in ("Wrong Type", "not increasing", "::enterprises", "Unknown"):
        assert said not in receivers + gone


def test_one_value_says_how_many_receivers_fail():
    states = (ReceiverHealth.IDLE, ReceiverHealth.OK, ReceiverHealth.FAILING, ReceiverHealth.GIVING_UP)
    kept = Kept(*(dataclasses.replace(NOC, receiver=each.value, health=each) for each in states))
    publisher = served(kept)
    (failing,) = (scalar.oid for scalar in SCALARS if scalar.name == "topoInfoFailingReceivers")
    assert Asker(publisher).get((*under(publisher.renderer.look.root, failing), 0)).value == Gauge32(2)
    kept.rows = ()
    assert Asker(publisher).get((*under(publisher.renderer.look.root, failing), 0)).value == Gauge32(0)


def test_nobody_who_walks_something_else_asks_for_it():
    kept = Kept(NOC)
    publisher = served(kept)
    asker = Asker(publisher)
    asker.walk((1, 3, 6, 1, 2, 1, 1))
    asker.walk(under(publisher.renderer.look.root, (1, 3, 6, 1, 4, 1, 32473, 7163, 1, 3)))
    asker.ask(PduType.GET, (1, 3, 6, 1, 2, 1, 1, 5, 0))
    assert kept.asked == 0
