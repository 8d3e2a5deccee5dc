"""Sealed v3 messages, taken apart and built again by pysnmp octet by octet, for every protocol."""

from __future__ import annotations

import itertools

import pytest
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto import rfc1905
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

# (their module of messages needs the one above imported first)
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message  # isort: skip

from gateway.wire.pdu import Pdu, PduType, encode_pdu
from gateway.wire.snmp import ScopedPdu, encode_scoped_pdu
from gateway.wire.usm import AuthProtocol, PrivProtocol, SecurityLevel
from gateway.wire.usm.message import UserSecurity
from gateway.wire.values import Counter64, OctetString, VarBind
from tests.wire.test_usm import AUTH_IDS, ENGINE, PRIV_IDS, config, credentials

BOOTS, TIME_S, MSG_ID = 300, 70000, 0x1234567
PDU = Pdu(
    PduType.RESPONSE,
    77,
    varbinds=(VarBind((1, 3, 6, 1), OctetString(bytes(300))), VarBind((1, 3, 6, 2), Counter64(1))),
)
SCOPED = encode_scoped_pdu(ScopedPdu(ENGINE, b"ctx", PDU))
COMBINATIONS = [
    (SecurityLevel.NO_AUTH_NO_PRIV, AuthProtocol.SHA, PrivProtocol.AES),
    *((SecurityLevel.AUTH_NO_PRIV, auth, PrivProtocol.AES) for auth in AuthProtocol),
    *((SecurityLevel.AUTH_PRIV, *pair) for pair in itertools.product(AuthProtocol, PrivProtocol)),
]


@pytest.mark.parametrize(("level", "auth", "priv"), COMBINATIONS)
def test_pysnmp_builds_the_same_message(level: SecurityLevel, auth: AuthProtocol, priv: PrivProtocol) -> None:
    user = credentials(auth, priv).localize(ENGINE)
    ours = UserSecurity(user, first_salt=41, max_size=1472).seal(level, True, MSG_ID, BOOTS, TIME_S, SCOPED)

    # Taken apart: their decryption gives our scopedPDU, and their HMAC is ours.
    message, rest = decoder.decode(ours, asn1Spec=SNMPv3Message())
    assert not rest
    parameters, rest = decoder.decode(message["msgSecurityParameters"].asOctets(), asn1Spec=UsmSecurityParameters())
    assert not rest
    auth_service, priv_service = config.AUTH_SERVICES[AUTH_IDS[auth]], config.PRIV_SERVICES[PRIV_IDS[priv]]
    plaintext = SCOPED
    if level is SecurityLevel.AUTH_PRIV:
        salt = parameters["msgPrivacyParameters"].asOctets()
        boots = BOOTS if priv is PrivProtocol.DES else 0  # its salt begins with them
        assert salt == (boots << 32 | 42).to_bytes(8, "big")
        plaintext = bytes(
            priv_service.decrypt_data(
                univ.OctetString(user.priv_key),
                (BOOTS, TIME_S, univ.OctetString(salt)),
                univ.OctetString(message["msgData"]["encryptedPDU"].asOctets()),
            )
        )
    assert plaintext[: len(SCOPED)] == SCOPED
    theirs, rest = decoder.decode(SCOPED, asn1Spec=ScopedPDU())
    assert not rest
    assert encoder.encode(theirs) == SCOPED
    assert isinstance(theirs["data"].getComponent(), rfc1905.ResponsePDU)
    assert encode_pdu(PDU) == encoder.encode(theirs["data"].getComponent())

    # Built again: the same octets, once with zeros that their service replaces by its HMAC.
    assert encoder.encode(message) == ours
    if level is not SecurityLevel.NO_AUTH_NO_PRIV:
        mac = parameters["msgAuthenticationParameters"].asOctets()
        zeroed = ours.replace(mac, bytes(len(mac)))
        assert len(mac) == auth.mac_size
        signed = auth_service.authenticate_outgoing_message(univ.OctetString(user.auth_key), zeroed)
        assert bytes(signed) == ours
