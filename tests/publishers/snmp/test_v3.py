"""SNMPv3 without sockets: responses that are cut to the manager's msgMaxSize."""

from __future__ import annotations

import pytest

from gateway.wire.pdu import Pdu, PduType, encode_pdu
from gateway.wire.usm import AuthProtocol, PrivProtocol, RemoteSession, SecurityLevel, UsmCredentials
from gateway.wire.values import VarBind
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import TABLES

ESTATE = estate.snapshot(150)
CREDENTIALS = UsmCredentials.from_passwords(
    b"authuser", AuthProtocol.SHA, b"authpass1234", PrivProtocol.AES, b"privpass1234"
)


@pytest.mark.parametrize("size", [484, 1472])
@pytest.mark.parametrize("columns", [(2,), (2, 3, 5, 6, 8)])
def test_a_getbulk_is_cut_to_the_size_that_the_manager_takes(size, columns):
    publisher = running.make(running.Holder(ESTATE))
    session = RemoteSession(CREDENTIALS, SecurityLevel.AUTH_PRIV, first_salt=1, max_size=size)
    session.learn_engine_id(running.ENGINE_ID)

    def exchange(pdu: Pdu) -> tuple[Pdu, int]:
        answer = publisher.agent.respond(session.seal(encode_pdu(pdu), 7, 0), "127.0.0.1")
        assert answer is not None
        return session.open(answer, 0).pdu, len(answer)

    oids = tuple(VarBind((*TABLES["entity"], column)) for column in columns)
    exchange(Pdu(PduType.GET_BULK, 1, 0, 200, oids))  # notInTimeWindows tells boots and time
    found, octets = exchange(Pdu(PduType.GET_BULK, 2, 0, 200, oids))
    assert (found.type, found.error_status) == (PduType.RESPONSE, 0)
    assert size - 200 < octets <= size
    assert [v.oid for v in found.varbinds[: len(columns)]] == [(*TABLES["entity"], c, 1) for c in columns]
    assert len(found.varbinds) >= len(columns)
