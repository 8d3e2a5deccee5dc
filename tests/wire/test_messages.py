"""Typed messages: round trips, pysnmp as oracle octet by octet, fuzz, v1 traps."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import rfc1157, rfc1902, rfc1905
from pysnmp.proto.api import v1 as pysnmp_v1
from pysnmp.proto.api import v2c as pysnmp_v2c

from gateway.wire.errors import DecodeError, EncodeError, WireError
from gateway.wire.pdu import ErrorStatus, Pdu, PduType, TrapV1Pdu, Version
from gateway.wire.snmp import (
    CommunityMessage,
    MessageFlags,
    ScopedPdu,
    V3Message,
    decode_message,
    encode_message,
)
from gateway.wire.translation import SNMP_TRAP_ADDRESS, SNMP_TRAPS, error_status_to_v1, notification, trap_to_v1
from gateway.wire.values import (
    Counter32,
    Counter64,
    Empty,
    Gauge32,
    Integer,
    IpAddress,
    ObjectIdentifier,
    OctetString,
    Opaque,
    TimeTicks,
    Value,
    VarBind,
)

# Captured: net-snmp 5.9.3, snmpget -v2c -c public 127.0.0.1 1.3.6.1.2.1.1.1.0
GET = bytes.fromhex("302902010104067075626c6963a01c020460c9cff0020100020100300e300c06082b060102010101000500")

u32 = st.integers(0, 2**32 - 1)
i32 = st.integers(-(2**31), 2**31 - 1)
oids = st.lists(u32, max_size=20).map(lambda tail: (1, 3, *tail))
v1_values = st.one_of(
    i32.map(Integer),
    st.binary(max_size=300).map(OctetString),
    oids.map(ObjectIdentifier),
    st.binary(min_size=4, max_size=4).map(IpAddress),
    u32.map(Counter32),
    u32.map(Gauge32),
    u32.map(TimeTicks),
    st.binary(max_size=20).map(Opaque),
    st.just(Empty.NULL),
)
values = st.one_of(v1_values, st.integers(0, 2**64 - 1).map(Counter64), st.sampled_from(Empty))
pdus = st.builds(
    Pdu,
    st.sampled_from([t for t in PduType if t is not PduType.TRAP_V1]),
    i32,
    i32,
    i32,
    st.lists(st.builds(VarBind, oids, values), max_size=5).map(tuple),
)
v1_varbinds = st.lists(st.builds(VarBind, oids, v1_values), max_size=5).map(tuple)
v1_pdus = st.builds(
    Pdu,
    st.sampled_from([PduType.GET, PduType.GET_NEXT, PduType.SET, PduType.RESPONSE]),
    i32,
    st.integers(0, 5),
    st.integers(0, 9),
    v1_varbinds,
)
v1_traps = st.builds(
    TrapV1Pdu,
    oids,
    st.binary(min_size=4, max_size=4),
    st.integers(0, 6),
    st.integers(0, 2**31 - 1),
    u32,
    v1_varbinds,
)
communities = st.binary(max_size=40)
messages = st.one_of(
    st.builds(CommunityMessage, st.just(Version.V2C), communities, pdus),
    st.builds(CommunityMessage, st.just(Version.V1), communities, st.one_of(v1_pdus, v1_traps)),
    st.builds(
        V3Message,
        st.integers(0, 2**31 - 1),
        st.integers(484, 2**31 - 1),
        st.sampled_from([MessageFlags.NONE, MessageFlags.AUTH, MessageFlags.REPORTABLE]),
        st.just(3),
        st.binary(max_size=60),
        st.builds(ScopedPdu, st.binary(max_size=32), st.binary(max_size=32), pdus),
    ),
    st.builds(
        V3Message,
        st.integers(0, 2**31 - 1),
        st.integers(484, 2**31 - 1),
        st.just(MessageFlags.AUTH | MessageFlags.PRIV),
        st.just(3),
        st.binary(max_size=60),
        st.binary(max_size=200),
    ),
)


@given(messages)
def test_round_trip(message: CommunityMessage | V3Message) -> None:
    assert decode_message(encode_message(message)) == message


@given(st.binary(max_size=300))
@example(GET)
def test_anything_is_decoded_or_refused(data: bytes) -> None:
    with contextlib.suppress(WireError):
        decode_message(data)


@given(messages, st.data())
def test_a_damaged_message_is_decoded_or_refused(message: CommunityMessage | V3Message, data: st.DataObject) -> None:
    octets = bytearray(encode_message(message))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        decode_message(bytes(octets))


def _theirs(value: Value) -> object:
    match value:
        case Integer(number):
            return rfc1902.Integer32(number)
        case OctetString(octets):
            return rfc1902.OctetString(octets)
        case ObjectIdentifier(oid):
            return rfc1902.ObjectIdentifier(oid)
        case IpAddress(octets):
            return rfc1902.IpAddress(octets)
        case Counter32(number):
            return rfc1902.Counter32(number)
        case Gauge32(number):
            return rfc1902.Gauge32(number)
        case TimeTicks(number):
            return rfc1902.TimeTicks(number)
        case Opaque(octets):
            return rfc1902.Opaque(octets)
        case Counter64(number):
            return rfc1902.Counter64(number)
        case Empty.NULL:
            return rfc1905.UnSpecified("")
        case Empty.NO_SUCH_OBJECT:
            return rfc1905.noSuchObject
        case Empty.NO_SUCH_INSTANCE:
            return rfc1905.noSuchInstance
        case Empty.END_OF_MIB_VIEW:
            return rfc1905.endOfMibView
    raise AssertionError(value)


_CLASSES = {
    PduType.GET: pysnmp_v2c.GetRequestPDU,
    PduType.GET_NEXT: pysnmp_v2c.GetNextRequestPDU,
    PduType.RESPONSE: pysnmp_v2c.ResponsePDU,
    PduType.SET: pysnmp_v2c.SetRequestPDU,
    PduType.INFORM: pysnmp_v2c.InformRequestPDU,
    PduType.TRAP: pysnmp_v2c.SNMPv2TrapPDU,
    PduType.REPORT: pysnmp_v2c.ReportPDU,
    PduType.GET_BULK: pysnmp_v2c.GetBulkRequestPDU,
}


@given(
    communities,
    pdus.filter(lambda p: 0 <= p.error_status <= 18 and p.error_index >= 0),
)
@example(b"public", Pdu(PduType.GET_BULK, 1, 0, 50, (VarBind((1, 3, 6, 1)),)))
@example(
    b"public",
    Pdu(
        PduType.RESPONSE,
        -5,
        17,
        2,
        (
            VarBind((1, 3, 6, 1, 4, 1, 36957, 1), Counter64(2**64 - 1)),
            VarBind((1, 3, 6, 1, 4, 1, 36957, 2), OctetString(bytes(200))),
            VarBind((1, 3, 6, 1, 4, 1, 36957, 3), Empty.END_OF_MIB_VIEW),
        ),
    ),
)
def test_v2c_is_encoded_as_pysnmp_does(community: bytes, pdu: Pdu) -> None:
    theirs = _CLASSES[pdu.type]()
    if pdu.type is PduType.GET_BULK:
        api = pysnmp_v2c.apiBulkPDU
        api.set_defaults(theirs)
        api.set_non_repeaters(theirs, pdu.non_repeaters)
        api.set_max_repetitions(theirs, pdu.max_repetitions)
    else:
        api = pysnmp_v2c.apiPDU
        api.set_defaults(theirs)
        theirs["error-status"] = pdu.error_status
        theirs["error-index"] = pdu.error_index
    api.set_request_id(theirs, pdu.request_id)
    bindings = theirs["variable-bindings"]
    bindings.clear()
    for number, varbind in enumerate(pdu.varbinds):
        bindings[number] = rfc1905.VarBind()
        bindings[number].setComponentByPosition(0, rfc1902.ObjectName(varbind.oid))
        _set_value(bindings[number], varbind.value)
    message = pysnmp_v2c.Message()
    pysnmp_v2c.apiMessage.set_defaults(message)
    pysnmp_v2c.apiMessage.set_community(message, community)
    pysnmp_v2c.apiMessage.set_pdu(message, theirs)
    octets = encoder.encode(message)
    numbers = [pdu.request_id, *(v.value.value for v in pdu.varbinds if type(v.value) is Integer)]
    assume(not {-(2**7), -(2**15), -(2**23), -(2**31)}.intersection(numbers))  # pyasn1 pads them
    ours = CommunityMessage(Version.V2C, community, pdu)
    assert encode_message(ours) == octets
    assert decode_message(octets) == ours
    again, rest = decoder.decode(encode_message(ours), asn1Spec=pysnmp_v2c.Message())
    assert not rest
    assert again == message


def _set_value(varbind: rfc1905.VarBind, value: Value) -> None:
    choice = varbind.setComponentByPosition(1).getComponentByPosition(1)
    theirs = _theirs(value)
    if isinstance(value, Empty):
        choice.setComponentByType(theirs.tagSet, theirs)  # type: ignore[attr-defined]
    else:
        choice.setComponentByType(
            theirs.tagSet,  # type: ignore[attr-defined]
            theirs,
            verifyConstraints=False,
            matchTags=False,
            matchConstraints=False,
            innerFlag=True,
        )


def test_a_v1_trap_is_encoded_as_pysnmp_does() -> None:
    theirs = pysnmp_v1.TrapPDU()
    api = pysnmp_v1.apiTrapPDU
    api.set_defaults(theirs)
    api.set_enterprise(theirs, (1, 3, 6, 1, 4, 1, 36957))
    api.set_agent_address(theirs, "192.0.2.1")
    api.set_generic_trap(theirs, 6)
    api.set_specific_trap(theirs, 300)
    api.set_timestamp(theirs, 12345)
    api.set_varbinds(theirs, [((1, 3, 6, 1, 1), rfc1157.rfc1155.Counter(7))])
    message = pysnmp_v1.Message()
    pysnmp_v1.apiMessage.set_defaults(message)
    pysnmp_v1.apiMessage.set_community(message, b"public")
    pysnmp_v1.apiMessage.set_pdu(message, theirs)
    trap = TrapV1Pdu(
        (1, 3, 6, 1, 4, 1, 36957), bytes((192, 0, 2, 1)), 6, 300, 12345,
        (VarBind((1, 3, 6, 1, 1), Counter32(7)),),
    )  # fmt: skip
    assert encode_message(CommunityMessage(Version.V1, b"public", trap)) == encoder.encode(message)


def test_the_community_is_not_in_the_repr() -> None:
    message = CommunityMessage(Version.V2C, b"s3cret", Pdu(PduType.GET, 1))
    assert "s3cret" not in repr(message)


def test_v1_carries_no_counter64_and_no_getbulk() -> None:
    counter = Pdu(PduType.GET, 1, varbinds=(VarBind((1, 3), Counter64(1)),))
    for pdu in (counter, Pdu(PduType.GET_BULK, 1)):
        with pytest.raises(EncodeError):
            encode_message(CommunityMessage(Version.V1, b"", pdu))


def test_a_captured_request() -> None:
    message = decode_message(GET)
    assert isinstance(message, CommunityMessage)
    assert (message.version, message.community, message.pdu.type) == (Version.V2C, b"public", PduType.GET)
    assert message.pdu.varbinds == (VarBind((1, 3, 6, 1, 2, 1, 1, 1, 0)),)
    assert encode_message(message) == GET


def test_octets_after_the_message_are_refused() -> None:
    with pytest.raises(DecodeError):
        decode_message(GET + b"\0")


ENTERPRISE = (1, 3, 6, 1, 4, 1, 64444)


@pytest.mark.parametrize(
    ("trap_oid", "enterprise", "generic", "specific"),
    [
        ((*SNMP_TRAPS, 1), SNMP_TRAPS, 0, 0),  # coldStart
        ((*SNMP_TRAPS, 4), SNMP_TRAPS, 3, 0),  # linkUp
        ((*ENTERPRISE, 0, 7), ENTERPRISE, 6, 7),
        ((*ENTERPRISE, 9, 7), (*ENTERPRISE, 9), 6, 7),
    ],
)
def test_a_notification_becomes_a_v1_trap(
    trap_oid: tuple[int, ...], enterprise: tuple[int, ...], generic: int, specific: int
) -> None:
    address = VarBind(SNMP_TRAP_ADDRESS, IpAddress(b"\xc0\0\2\1"))
    pdu = notification(PduType.TRAP, 1, 4711, trap_oid, (address,))
    assert trap_to_v1(pdu) == TrapV1Pdu(enterprise, b"\xc0\0\2\1", generic, specific, 4711, (address,))


def test_a_v1_trap_comes_from_the_originator_where_the_notification_names_no_address() -> None:
    pdu = notification(PduType.TRAP, 1, 4711, (*SNMP_TRAPS, 1))
    assert trap_to_v1(pdu, b"\xc0\0\2\7").agent_addr == b"\xc0\0\2\7"
    assert trap_to_v1(pdu).agent_addr == bytes(4)


def test_counter64_keeps_a_notification_from_v1() -> None:
    pdu = notification(PduType.TRAP, 1, 0, ENTERPRISE, (VarBind((1, 3), Counter64(1)),))
    with pytest.raises(EncodeError):
        trap_to_v1(pdu)


def test_v1_hears_only_the_errors_that_it_knows() -> None:
    assert {error_status_to_v1(s) for s in ErrorStatus} <= set(list(ErrorStatus)[:6])
    assert error_status_to_v1(ErrorStatus.NOT_WRITABLE) is ErrorStatus.NO_SUCH_NAME
