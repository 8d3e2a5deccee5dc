"""Who asks with wrong credentials is known by address and reason, never by what was guessed; what is sent says so."""

from __future__ import annotations

import pytest

from gateway.publishers.snmp.refusals import MOST, OTHERS, Refusals, Refused
from gateway.wire.pdu import PduType
from gateway.wire.usm import SecurityLevel, UsmCredentials
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import Asker
from tests.publishers.snmp.test_statistics import community, sealed, tampered

AUTHENTICATION_TRAPS = (1, 3, 6, 1, 2, 1, 11, 30, 0)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (community(PduType.GET, b"guess"), "an unknown community"),
        (community(PduType.GET, b"notfromhere"), "a community that is not allowed from there"),
        (sealed(UsmCredentials.from_passwords(b"nobody"), SecurityLevel.NO_AUTH_NO_PRIV), "an unknown user of SNMPv3"),
        (tampered(), "a wrong password or key of SNMPv3"),
    ],
)
def test_who_asks_wrongly_is_known_by_address_and_reason_once(message, why):
    served = running.make(running.Holder(estate.snapshot(3)))
    for _ in range(3):
        served.agent.respond(message, "198.51.100.7")
    assert served.refused() == (Refused("198.51.100.7", why, 3),)
    assert served.refused() == ()


def test_a_set_with_a_good_community_is_no_failure_to_authenticate():
    served = running.make(running.Holder(estate.snapshot(3)))
    served.agent.respond(community(PduType.SET), "198.51.100.7")
    assert served.counters.bad_community_uses == 1
    assert served.refused() == ()


def test_forged_addresses_without_number_take_no_memory():
    refusals = Refusals()
    for number in range(10_000):
        refusals.note(f"2001:db8::{number:x}", "an unknown community")
    found = refusals.take()
    assert len(found) == MOST + 1
    assert (found[-1].source, found[-1].times) == (OTHERS, 10_000 - MOST)
    assert str(found[-1]) == "other addresses asked with wrong credentials, 9968 times"


@pytest.mark.parametrize(("given", "shown"), [({}, 1), ({"authentication_traps": False}, 2)])
def test_the_agent_shows_whether_authentication_failures_are_told(given, shown):
    served = running.make(running.Holder(estate.snapshot(3)), {**running.SETTINGS, **given})
    assert Asker(served).get(AUTHENTICATION_TRAPS).value.value == shown
