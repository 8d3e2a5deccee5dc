"""Every statistic of SNMPv2-MIB, SNMP-MPD-MIB, SNMP-TARGET-MIB and the USM MIB says what happened, and only that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.wire import ber
from gateway.wire.ber import Oid
from gateway.wire.pdu import Pdu, PduType, TrapV1Pdu, Version, encode_pdu
from gateway.wire.snmp import CommunityMessage, MessageFlags, ScopedPdu, V3Message, decode_message, encode_message
from gateway.wire.usm import AuthProtocol, PrivProtocol, RemoteSession, SecurityLevel, UsmCredentials
from gateway.wire.values import Counter32, VarBind
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import SYS_NAME, Asker

STATISTICS: dict[str, Oid] = {
    "snmpInPkts": (1, 3, 6, 1, 2, 1, 11, 1, 0),
    "snmpInBadVersions": (1, 3, 6, 1, 2, 1, 11, 3, 0),
    "snmpInBadCommunityNames": (1, 3, 6, 1, 2, 1, 11, 4, 0),
    "snmpInBadCommunityUses": (1, 3, 6, 1, 2, 1, 11, 5, 0),
    "snmpInASNParseErrs": (1, 3, 6, 1, 2, 1, 11, 6, 0),
    "snmpSilentDrops": (1, 3, 6, 1, 2, 1, 11, 31, 0),
    "snmpProxyDrops": (1, 3, 6, 1, 2, 1, 11, 32, 0),
    "snmpUnknownSecurityModels": (1, 3, 6, 1, 6, 3, 11, 2, 1, 1, 0),
    "snmpInvalidMsgs": (1, 3, 6, 1, 6, 3, 11, 2, 1, 2, 0),
    "snmpUnknownPDUHandlers": (1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0),
    "snmpUnavailableContexts": (1, 3, 6, 1, 6, 3, 12, 1, 4, 0),
    "snmpUnknownContexts": (1, 3, 6, 1, 6, 3, 12, 1, 5, 0),
    **{
        f"usmStats{name}": (1, 3, 6, 1, 6, 3, 15, 1, 1, number, 0)
        for number, name in enumerate(
            (
                "UnsupportedSecLevels",
                "NotInTimeWindows",
                "UnknownUserNames",
                "UnknownEngineIDs",
                "WrongDigests",
                "DecryptionErrors",
            ),
            1,
        )
    },
}
ESTATE = estate.snapshot(20)
GET = encode_message(CommunityMessage(Version.V2C, b"public", Pdu(PduType.GET, 9, varbinds=(VarBind(SYS_NAME),))))
SIGNER = UsmCredentials.from_passwords(b"signer", AuthProtocol.SHA256, b"authpass1234")
PRIVATE = UsmCredentials.from_passwords(
    b"authuser", AuthProtocol.SHA, b"authpass1234", PrivProtocol.AES, b"privpass1234"
)
GET_PDU = encode_pdu(Pdu(PduType.GET, 9, varbinds=(VarBind(SYS_NAME),)))


def session(who: UsmCredentials, level: SecurityLevel, boots: int = 3) -> RemoteSession:
    """A manager that knows engine, boots and time already."""
    peer = RemoteSession(who, level, first_salt=5)
    peer.learn_engine_id(running.ENGINE_ID)
    peer._boots, peer._offset_s = boots, 0
    return peer


def sealed(
    who: UsmCredentials, level: SecurityLevel, pdu: bytes = GET_PDU, boots: int = 3, context: bytes = b""
) -> bytes:
    return session(who, level, boots).seal(pdu, 77, 0, context_name=context)


def v3_header(flags: int, model: int) -> bytes:
    scoped = ScopedPdu(running.ENGINE_ID, b"", Pdu(PduType.GET, 9))
    return encode_message(V3Message(7, 65507, MessageFlags(flags), model, b"\x30\x00", scoped if flags < 2 else b""))


def community(kind: PduType, name: bytes = b"public") -> bytes:
    return encode_message(CommunityMessage(Version.V2C, name, Pdu(kind, 9, varbinds=(VarBind(SYS_NAME),))))


def tampered() -> bytes:
    message = bytearray(sealed(SIGNER, SecurityLevel.AUTH_NO_PRIV))
    message[-1] ^= 1
    return bytes(message)


def other_key() -> UsmCredentials:
    """Signs with the right key, encrypts with a wrong one."""
    return UsmCredentials.from_passwords(
        b"authuser", AuthProtocol.SHA, b"authpass1234", PrivProtocol.AES, b"not-the-password"
    )


CAUSES: dict[str, tuple[Callable[[], bytes], bool]] = {
    "snmpInBadVersions": (lambda: b"\x30\x05\x02\x01\x02\x05\x00", False),
    "snmpInBadCommunityNames": (lambda: community(PduType.GET, b"guess"), False),
    "snmpInBadCommunityUses": (lambda: community(PduType.SET), True),
    "snmpInASNParseErrs": (lambda: GET[:-1], False),
    "snmpUnknownSecurityModels": (lambda: v3_header(0, 4), False),
    "snmpInvalidMsgs": (lambda: v3_header(2, 3), False),
    "snmpUnknownPDUHandlers": (lambda: community(PduType.RESPONSE), False),
    "snmpUnknownContexts": (lambda: sealed(SIGNER, SecurityLevel.AUTH_NO_PRIV, context=b"nowhere"), True),
    "usmStatsUnsupportedSecLevels": (
        lambda: sealed(
            UsmCredentials.from_passwords(
                b"signer", AuthProtocol.SHA256, b"authpass1234", PrivProtocol.AES, b"privpass1234"
            ),
            SecurityLevel.AUTH_PRIV,
        ),
        True,
    ),
    "usmStatsNotInTimeWindows": (lambda: sealed(SIGNER, SecurityLevel.AUTH_NO_PRIV, boots=2), True),
    "usmStatsUnknownUserNames": (
        lambda: sealed(UsmCredentials.from_passwords(b"nobody"), SecurityLevel.NO_AUTH_NO_PRIV),
        True,
    ),
    "usmStatsUnknownEngineIDs": (
        lambda: RemoteSession(SIGNER, SecurityLevel.AUTH_NO_PRIV, first_salt=1).discovery(77),
        True,
    ),
    "usmStatsWrongDigests": (tampered, True),
    "usmStatsDecryptionErrors": (lambda: sealed(other_key(), SecurityLevel.AUTH_PRIV), True),
}


def counts(asker: Asker) -> dict[str, int]:
    found = {}
    for name, oid in STATISTICS.items():
        value = asker.get(oid).value
        assert isinstance(value, Counter32)
        found[name] = value.value
    return found


@pytest.mark.parametrize("name", CAUSES)
def test_what_happens_is_counted_where_the_mib_says(name):
    asker = Asker(running.make(running.Holder(ESTATE)))
    before = counts(asker)
    make, answered = CAUSES[name]
    answer = asker.raw(make())
    assert (answer is not None) == answered
    after = counts(asker)
    moved = {each: after[each] - before[each] for each in STATISTICS if after[each] != before[each]}
    assert moved.pop("snmpInPkts") == len(STATISTICS) + 1
    assert moved == {name: 1}


def of_another_version(kind: PduType) -> bytes:
    """A PDU in a message of SNMPv1, which has none of these."""
    return community(kind).replace(b"\x02\x01\x01\x04\x06public", b"\x02\x01\x00\x04\x06public")


TRAP_OF_V1 = CommunityMessage(Version.V1, b"public", TrapV1Pdu((1, 3), bytes(4), 0, 0, 0))


@pytest.mark.parametrize(
    ("message", "moved"),
    [
        (of_another_version(PduType.GET_BULK), "snmpInASNParseErrs"),
        (of_another_version(PduType.INFORM), "snmpInASNParseErrs"),
        (of_another_version(PduType.TRAP), "snmpInASNParseErrs"),
        (encode_message(TRAP_OF_V1), "snmpUnknownPDUHandlers"),
        (encode_message(TRAP_OF_V1).replace(b"\x02\x01\x00\x04", b"\x02\x01\x01\x04"), "snmpInASNParseErrs"),
        (community(PduType.TRAP), "snmpUnknownPDUHandlers"),
    ],
    ids=["GETBULK v1", "INFORM v1", "TRAP v1", "Trap v1", "Trap v2c", "TRAP v2c"],
)
def test_a_pdu_that_its_version_does_not_have_cannot_be_parsed(message, moved):
    asker = Asker(running.make(running.Holder(ESTATE)))
    before = counts(asker)
    assert asker.raw(message) is None
    after = counts(asker)
    assert [name for name in STATISTICS if after[name] != before[name]] == ["snmpInPkts", moved]


@pytest.mark.parametrize("name", [name for name in CAUSES if name.startswith(("usm", "snmpUnknownContexts"))])
def test_a_report_names_its_counter_and_tells_nothing_else(name):
    asker = Asker(running.make(running.Holder(ESTATE)))
    answer = asker.raw(CAUSES[name][0]())
    assert answer is not None
    message = decode_message(answer)
    assert isinstance(message, V3Message)
    if not message.flags & MessageFlags.PRIV:
        assert isinstance(message.data, ScopedPdu)
        assert message.data.pdu == Pdu(PduType.REPORT, message.data.pdu.request_id, varbinds=(
            VarBind(STATISTICS[name], Counter32(1)),
        ))  # fmt: skip
    signed = bool(message.flags & MessageFlags.AUTH)
    assert signed == (name in ("usmStatsNotInTimeWindows", "snmpUnknownContexts"))


def test_nothing_is_reported_to_those_who_do_not_want_reports():
    """Without the reportableFlag, for a message that cannot be read (RFC 3412 section 7.1 step 3)."""
    asker = Asker(running.make(running.Holder(ESTATE)))
    message = bytearray(sealed(other_key(), SecurityLevel.AUTH_PRIV))
    flags = message.index(bytes((4, 1, 7)))
    message[flags + 2] = 3
    assert asker.raw(bytes(message)) is None


def test_an_answer_that_cannot_be_told_in_the_size_is_a_silent_drop():
    settings = {**running.SETTINGS, "communities": {"long": {"community": "c" * 255}}, "max_message_size": 484}
    asker = Asker(running.make(running.Holder(ESTATE), settings), b"c" * 255)
    many = tuple(VarBind((1, 3, 6, 1, 2, 1, 1, 5, 0)) for _ in range(30))
    v1 = encode_message(CommunityMessage(Version.V1, b"c" * 255, Pdu(PduType.GET, 9, varbinds=many)))
    answer = asker.raw(v1)
    assert answer is not None  # tooBig without varbinds: better than silence
    assert asker.publisher.counters.silent_drops == 0
    assert ber.read_tlv(answer, 0, len(answer))[2] <= 484


ABOUT_NO_USER = ("usmStatsUnknownUserNames", "usmStatsUnknownEngineIDs")


@pytest.mark.parametrize("name", [name for name in CAUSES if name.startswith(("usm", "snmpUnknownContexts"))])
def test_from_where_a_user_may_not_ask_nothing_is_reported_about_it(name):
    users = {user: {**given, "allow": ["192.0.2.0/24"]} for user, given in running.USERS.items()}
    publisher = running.make(running.Holder(ESTATE), {**running.SETTINGS, "users": users})
    answers = {source: Asker(publisher, source=source).raw(CAUSES[name][0]()) for source in ("192.0.2.1", "127.0.0.1")}
    assert answers["192.0.2.1"] is not None
    assert (answers["127.0.0.1"] is not None) == (name in ABOUT_NO_USER)
    assert publisher.counters.unknown_sources == (name not in ABOUT_NO_USER)


def test_who_may_not_ask_from_there_is_not_told_that_a_wrong_level_is_wrong():
    users = {"signer": {**running.USERS["signer"], "allow": ["192.0.2.0/24"]}}
    publisher = running.make(running.Holder(ESTATE), {**running.SETTINGS, "users": users})
    message = sealed(UsmCredentials.from_passwords(b"signer"), SecurityLevel.NO_AUTH_NO_PRIV)
    assert Asker(publisher, source="192.0.2.1").raw(message) is not None
    assert Asker(publisher, source="127.0.0.1").raw(message) is None
