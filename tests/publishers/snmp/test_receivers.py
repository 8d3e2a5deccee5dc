"""Receivers of notifications as SNMP-TARGET-MIB and SNMP-NOTIFICATION-MIB show them; they come and go."""

from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.wire.values import Integer, OctetString
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import Asker

NAMES = (1, 3, 6, 1, 6, 3, 12, 1, 2, 1, 6)
ADDRESSES = (1, 3, 6, 1, 6, 3, 12, 1, 2, 1, 3)
TIMEOUTS = (1, 3, 6, 1, 6, 3, 12, 1, 2, 1, 4)
PARAMETERS = (1, 3, 6, 1, 6, 3, 12, 1, 2, 1, 7)
TAGS = (1, 3, 6, 1, 6, 3, 13, 1, 1, 1, 2)
RETRIES = (1, 3, 6, 1, 6, 3, 12, 1, 2, 1, 5)
LEVELS = (1, 3, 6, 1, 6, 3, 12, 1, 3, 1, 5)
TYPES = (1, 3, 6, 1, 6, 3, 13, 1, 1, 1, 3)


def target(name: str, **given: object):
    table = {"kind": "snmp", "host": "192.0.2.1", "community": "never-shown", **given}
    return SnmpTrapSettings.model_validate(table).target(name)


def test_receivers_that_come_and_go_are_seen_at_once():
    publisher = running.make(running.Holder(estate.snapshot(30)))
    asker = Asker(publisher)
    assert asker.walk(NAMES) == []
    informed = {"community": None, "version": "3", "user": "u", "auth": "SHA-256", "auth_password": "long enough"}
    publisher.show_targets([target("noc"), target("nms", **informed, inform=True, retries=5)])
    assert [each.value for each in asker.walk(NAMES)] == [OctetString(b"nms"), OctetString(b"noc")]
    assert asker.walk(ADDRESSES)[0].value == OctetString(bytes((192, 0, 2, 1, 0, 162)))
    assert [each.value for each in asker.walk(RETRIES)] == [Integer(5), Integer(0)]
    assert [each.value for each in asker.walk(LEVELS)] == [Integer(2), Integer(1)]  # authNoPriv, noAuthNoPriv
    assert [each.value for each in asker.walk(TYPES)] == [Integer(2), Integer(1)]  # inform, trap
    assert b"never-shown" not in b"".join(
        each.value.value for each in asker.walk((1, 3, 6, 1, 6, 3)) if isinstance(each.value, OctetString)
    )
    publisher.show_targets([])
    assert asker.walk(NAMES) == asker.walk(TYPES) == []


def test_the_timeout_of_an_inform_is_shown_in_hundredths_of_a_second():
    publisher = running.make(running.Holder(estate.snapshot(3)))
    publisher.show_targets([target(f"t{n}", inform=True, timeout_s=s) for n, s in enumerate((0.05, 0.29, 0.5, 2.5))])
    assert [each.value for each in Asker(publisher).walk(TIMEOUTS)] == [Integer(n) for n in (5, 29, 50, 250)]


def test_receivers_with_long_names_that_begin_alike_stay_apart_in_indexes_of_at_most_32_octets():
    publisher = running.make(running.Holder(estate.snapshot(3)))
    given = ["short", *("x" * 63 + each for each in "ab")]
    publisher.show_targets([target(name) for name in given])
    asker = Asker(publisher)
    names = {each.oid[len(NAMES) :]: each.value for each in asker.walk(NAMES)}
    assert set(names.values()) == {OctetString(name.encode()) for name in given}
    for column in (NAMES, LEVELS, TAGS):
        indexes = [each.oid[len(column) :] for each in asker.walk(column)]
        assert [len(index) for index in indexes] == [5, 32, 32]
        assert len(set(indexes)) == 3
    assert {bytes(index) for index in names} == {each.value.value for each in asker.walk(PARAMETERS)}
