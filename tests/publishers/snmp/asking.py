"""Requests to an agent without sockets, decoded by the complete codec (not by the agent's own fast one)."""

from __future__ import annotations

from gateway.publishers.snmp import SnmpPublisher
from gateway.wire.ber import Oid
from gateway.wire.pdu import Pdu, PduType, Version
from gateway.wire.snmp import CommunityMessage, decode_message, encode_message
from gateway.wire.values import Empty, VarBind

ENTERPRISE = (1, 3, 6, 1, 4, 1, 32473, 7163)
TABLES = {name: (*ENTERPRISE, 1, n, 1) for n, name in enumerate(("source", "entity", "where", "relation", "alarm"), 2)}
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
REVISION = (*ENTERPRISE, 1, 1, 3, 0)


class Asker:
    """A manager with one community, in the same thread as the agent."""

    def __init__(self, publisher: SnmpPublisher, community: bytes = b"public", source: str = "127.0.0.1") -> None:
        self.publisher = publisher
        self.community = community
        self.source = source
        self.size = 0
        """Octets of the last response."""

    def raw(self, message: bytes) -> bytes | None:
        return self.publisher.agent.respond(message, self.source)

    def ask(
        self, kind: PduType, *oids: Oid, numbers: tuple[int, int] = (0, 0), version: Version = Version.V2C
    ) -> Pdu | None:
        request = Pdu(kind, 4711, *numbers, tuple(VarBind(oid) for oid in oids))
        answer = self.raw(encode_message(CommunityMessage(version, self.community, request)))
        if answer is None:
            return None
        self.size = len(answer)
        message = decode_message(answer)
        assert isinstance(message, CommunityMessage)
        assert (message.version, message.community) == (version, self.community)
        assert isinstance(message.pdu, Pdu)
        assert (message.pdu.type, message.pdu.request_id) == (PduType.RESPONSE, 4711)
        return message.pdu

    def varbinds(self, kind: PduType, *oids: Oid, numbers: tuple[int, int] = (0, 0)) -> list[VarBind]:
        answer = self.ask(kind, *oids, numbers=numbers)
        assert answer is not None
        assert answer.error_status == 0
        return list(answer.varbinds)

    def get(self, oid: Oid) -> VarBind:
        return self.varbinds(PduType.GET, oid)[0]

    def next(self, oid: Oid) -> VarBind:
        return self.varbinds(PduType.GET_NEXT, oid)[0]

    def walk(self, root: Oid) -> list[VarBind]:
        """Everything below `root`, by one GETNEXT after the other."""
        found: list[VarBind] = []
        oid = root
        while True:
            varbind = self.next(oid)
            if varbind.value is Empty.END_OF_MIB_VIEW or varbind.oid[: len(root)] != root:
                return found
            assert varbind.oid > oid
            found.append(varbind)
            oid = varbind.oid
