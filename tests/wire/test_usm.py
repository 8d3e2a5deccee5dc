"""USM: published key vectors, every protocol both ways, the order of RFC 3414 section 3.2."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type import univ
from pysnmp.entity import config

from gateway.wire.ber import encode_octets
from gateway.wire.errors import (
    DecodeError,
    DecryptionError,
    EncodeError,
    NotInTimeWindowError,
    SecurityConfigError,
    UnknownEngineIdError,
    UnknownUserNameError,
    UnsupportedSecurityLevelError,
    UsmCounter,
    UsmError,
    WireError,
    WrongDigestError,
)
from gateway.wire.names import read_names
from gateway.wire.pdu import Pdu, PduType, encode_pdu
from gateway.wire.snmp import ScopedPdu, V3Message, decode_message
from gateway.wire.usm import (
    AuthoritativeEngine,
    AuthProtocol,
    PrivProtocol,
    RemoteSession,
    SecurityLevel,
    UsmCredentials,
    UsmUser,
    password_to_key,
)
from gateway.wire.usm.crypto import CFB, AesCfb
from gateway.wire.usm.keys import localize_key, localize_priv_key
from gateway.wire.usm.message import UserSecurity
from gateway.wire.values import Integer, VarBind, decode_varbinds, encode_varbinds

ENGINE = bytes.fromhex("800000020109840301")
RFC_ENGINE = bytes.fromhex("000000000000000000000002")
NO_AUTH, AUTH, PRIV = SecurityLevel
EVERY_PAIR = list(itertools.product(AuthProtocol, PrivProtocol))
BODY = encode_varbinds([VarBind((1, 3, 6, 1), Integer(42))])


def credentials(auth: AuthProtocol = AuthProtocol.SHA256, priv: PrivProtocol = PrivProtocol.AES) -> UsmCredentials:
    return UsmCredentials.from_passwords(b"alice", auth, b"authpassword", priv, b"privpassword")


ALICE = credentials()


def engine(boots: int = 7, who: UsmCredentials = ALICE, max_size: int = 65507):
    users = [who.localize(ENGINE), UsmUser(b"guest", ENGINE)]
    return AuthoritativeEngine(ENGINE, boots, users, first_salt=1, max_size=max_size)


def session(level: SecurityLevel = PRIV, who: UsmCredentials = ALICE) -> RemoteSession:
    peer = RemoteSession(who, level, first_salt=99)
    peer.learn_engine_id(ENGINE)
    return peer


def get(request_id: int = 5) -> bytes:
    return encode_pdu(Pdu(PduType.GET, request_id, varbinds=(VarBind((1, 3, 6, 1)),)))


def synchronised(agent: AuthoritativeEngine, peer: RemoteSession, now_s: int) -> RemoteSession:
    with pytest.raises(NotInTimeWindowError) as refused:
        agent.open(peer.seal(get(), 1, now_s), now_s)
    report = agent.report(refused.value, now_s)
    assert report is not None
    assert peer.open(report, now_s).report is UsmCounter.NOT_IN_TIME_WINDOWS
    assert peer.synchronised
    return peer


# -- keys -----------------------------------------------------------------------------------


def test_rfc_3414_a_3_2_key_of_a_password() -> None:
    key = password_to_key(b"maplesyrup", AuthProtocol.SHA)
    assert key.hex() == "9fb5cc0381497b3793528939ff788d5d79145211"
    localized = localize_key(key, RFC_ENGINE, AuthProtocol.SHA)
    assert localized.hex() == "6695febc9288e36282235fc7151f128497b38f3f"


@pytest.mark.parametrize("protocol", AuthProtocol)
def test_keys_are_those_of_pysnmp(protocol: AuthProtocol) -> None:
    theirs = config.AUTH_SERVICES[AUTH_IDS[protocol]]
    master = theirs.hash_passphrase(b"maplesyrup")
    assert password_to_key(b"maplesyrup", protocol) == bytes(master)
    assert localize_key(bytes(master), RFC_ENGINE, protocol) == theirs.localize_key(
        master, univ.OctetString(RFC_ENGINE)
    )


@pytest.mark.parametrize(("auth", "priv"), EVERY_PAIR)
def test_privacy_keys_are_those_of_pysnmp(auth: AuthProtocol, priv: PrivProtocol) -> None:
    service = AUTH_IDS[auth]
    theirs = config.PRIV_SERVICES[PRIV_IDS[priv]]
    master = theirs.hash_passphrase(service, b"maplesyrup")
    expected = theirs.localize_key(service, master, univ.OctetString(RFC_ENGINE))[: priv.key_size]
    ours = localize_priv_key(password_to_key(b"maplesyrup", auth), RFC_ENGINE, auth, priv)
    assert ours == bytes(expected)


AUTH_IDS = {
    AuthProtocol.MD5: config.USM_AUTH_HMAC96_MD5,
    AuthProtocol.SHA: config.USM_AUTH_HMAC96_SHA,
    AuthProtocol.SHA224: config.USM_AUTH_HMAC128_SHA224,
    AuthProtocol.SHA256: config.USM_AUTH_HMAC192_SHA256,
    AuthProtocol.SHA384: config.USM_AUTH_HMAC256_SHA384,
    AuthProtocol.SHA512: config.USM_AUTH_HMAC384_SHA512,
}
PRIV_IDS = {
    PrivProtocol.DES: config.USM_PRIV_CBC56_DES,
    PrivProtocol.AES: config.USM_PRIV_CFB128_AES,
    PrivProtocol.AES192: config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    PrivProtocol.AES256: config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    PrivProtocol.AES192_C: config.USM_PRIV_CFB192_AES,
    PrivProtocol.AES256_C: config.USM_PRIV_CFB256_AES,
}


def test_secrets_are_in_no_repr() -> None:
    user = ALICE.localize(ENGINE)
    for secret in (user.auth_key, user.priv_key, ALICE.auth_master, ALICE.priv_master):
        text = repr(user) + repr(ALICE) + repr(engine()._users)
        assert repr(secret)[2:-1] not in text
    opened = engine().open(session(NO_AUTH).seal(get(), 1, 0), 0)
    assert repr(user.auth_key)[2:-1] not in repr(opened)


@pytest.mark.parametrize("name", ["MD5", "DES", "3DES", "rot13"])
def test_weak_and_unknown_protocols_are_refused(name: str) -> None:
    parse = AuthProtocol.parse if name == "MD5" else PrivProtocol.parse
    with pytest.raises(SecurityConfigError, match=r"weak|unknown"):
        parse(name)


def test_weak_protocols_are_there_for_those_who_ask_for_them() -> None:
    assert AuthProtocol.parse("md5", weak=True) is AuthProtocol.MD5
    assert PrivProtocol.parse("des", weak=True) is PrivProtocol.DES
    with pytest.raises(SecurityConfigError, match="3DES"):
        PrivProtocol.parse("3DES", weak=True)


def test_names_of_protocols() -> None:
    assert AuthProtocol.parse("sha1") is AuthProtocol.parse("SHA") is AuthProtocol.SHA
    assert AuthProtocol.parse("sha-512") is AuthProtocol.SHA512
    assert PrivProtocol.parse("AES128") is PrivProtocol.AES
    assert PrivProtocol.parse("aes-256-c") is PrivProtocol.AES256_C


def test_passwords_and_combinations_that_are_refused() -> None:
    for make in (
        lambda: password_to_key(b"1234567", AuthProtocol.SHA),
        lambda: UsmUser(b"x", b"1234"),
        lambda: UsmUser(b"", ENGINE),
        lambda: UsmUser(b"x", ENGINE, priv=PrivProtocol.AES, priv_key=bytes(16)),
        lambda: UsmUser(b"x", ENGINE, AuthProtocol.SHA, b"short"),
        lambda: AuthoritativeEngine(b"12345", 1, [UsmUser(b"x", ENGINE)], first_salt=0),
    ):
        with pytest.raises(SecurityConfigError):
            make()


# -- AES-CFB --------------------------------------------------------------------------------


@given(
    st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.binary(max_size=100)), max_size=6),
)
def test_a_kept_cipher_gives_what_a_new_one_gives(key: bytes, messages: list[tuple[bytes, bytes]]) -> None:
    cipher = AesCfb(key)
    for iv, plaintext in messages:
        fresh = Cipher(algorithms.AES(key), CFB(iv)).encryptor()
        expected = fresh.update(plaintext) + fresh.finalize()
        assert cipher.encrypt(iv, plaintext) == expected
        assert cipher.decrypt(iv, expected) == plaintext


# -- the authoritative engine ---------------------------------------------------------------


@pytest.mark.parametrize(("auth", "priv"), EVERY_PAIR)
def test_request_and_response(auth: AuthProtocol, priv: PrivProtocol) -> None:
    who = credentials(auth, priv)
    agent = engine(who=who)
    peer = synchronised(agent, session(who=who), 100)
    for number in range(3):
        opened = agent.open(peer.seal(get(number), number, 100, context_name=b"ctx"), 101)
        assert (opened.user_name, opened.level) == (b"alice", PRIV)
        assert (opened.context_engine_id, opened.context_name) == (ENGINE, b"ctx")
        assert read_names(opened.request.varbinds)[0] == [(1, 3, 6, 1)]
        reply = peer.open(agent.seal(opened, 0, 0, BODY, 101), 101)
        assert reply.pdu == Pdu(PduType.RESPONSE, number, varbinds=decode_varbinds(BODY))
        assert (reply.msg_id, reply.level) == (number, PRIV)


def test_discovery_tells_the_engine_id_and_authentic_time() -> None:
    agent, peer = engine(), RemoteSession(ALICE, PRIV, first_salt=3)
    with pytest.raises(UnknownEngineIdError) as refused:
        agent.open(peer.discovery(11), 1000)
    report = agent.report(refused.value, 1000)
    assert report is not None
    message = decode_message(report)
    assert isinstance(message, V3Message)
    assert isinstance(message.data, ScopedPdu)
    assert message.data.pdu.varbinds[0].oid == UsmCounter.UNKNOWN_ENGINE_IDS.oid
    assert peer.open(report, 5).report is UsmCounter.UNKNOWN_ENGINE_IDS
    assert peer.engine_id == ENGINE
    assert not peer.synchronised  # boots and time of that Report were not authentic
    synchronised(agent, peer, 1000)
    agent.open(peer.seal(get(), 3, 1100), 1100)


def _refused(data: bytes, now_s: int = 0, agent: AuthoritativeEngine | None = None) -> UsmError:
    agent = agent or engine()
    with pytest.raises(UsmError) as refused:
        agent.open(data, now_s)
    assert agent.stats[refused.value.counter] == 1
    return refused.value


def test_an_unknown_user() -> None:
    bob = UsmCredentials.from_passwords(b"bob", AuthProtocol.SHA, b"12345678")
    assert isinstance(_refused(session(AUTH, bob).seal(get(), 1, 0)), UnknownUserNameError)


def test_a_level_that_the_user_does_not_have() -> None:
    only_auth = UsmCredentials.from_passwords(b"alice", AuthProtocol.SHA256, b"authpassword")
    error = _refused(session(PRIV).seal(get(), 1, 0), agent=engine(who=only_auth))
    assert isinstance(error, UnsupportedSecurityLevelError)


def test_a_wrong_password() -> None:
    wrong = UsmCredentials.from_passwords(b"alice", AuthProtocol.SHA256, b"wrongpassword")
    error = _refused(session(AUTH, wrong).seal(get(), 1, 0))
    assert isinstance(error, WrongDigestError)


def test_a_wrong_privacy_password() -> None:
    wrong = UsmCredentials.from_passwords(
        b"alice", AuthProtocol.SHA256, b"authpassword", PrivProtocol.AES, b"another password"
    )
    agent = engine()
    peer = session(PRIV, wrong)
    peer._synchronise(7, 100, 100)
    error = _refused(peer.seal(get(), 1, 100), 100, agent)
    assert isinstance(error, DecryptionError)
    assert agent.report(error, 100) is not None


@pytest.mark.parametrize(("offset", "accepted"), [(150, True), (-150, True), (151, False), (-151, False)])
def test_the_time_window(offset: int, accepted: bool) -> None:
    agent = engine()
    peer = synchronised(agent, session(AUTH), 1000)
    data = peer.seal(get(), 2, 1000)
    if accepted:
        agent.open(data, 1000 + offset)
    else:
        with pytest.raises(NotInTimeWindowError):
            agent.open(data, 1000 + offset)


def test_another_boot_or_the_last_one_are_outside_the_window() -> None:
    peer = synchronised(engine(), session(AUTH), 1000)
    data = peer.seal(get(), 2, 1000)
    for boots in (6, 8, 2**31 - 1):
        with pytest.raises(NotInTimeWindowError):
            engine(boots).open(data, 1000)


def test_the_report_of_the_time_window_is_authentic() -> None:
    agent = engine()
    error = _refused(session(PRIV).seal(get(), 1, 0), 4000, agent)
    report = agent.report(error, 4000)
    assert report is not None
    reply = session(PRIV).open(report, 0)
    assert (reply.level, reply.report) == (AUTH, UsmCounter.NOT_IN_TIME_WINDOWS)
    damaged = report[:-1] + bytes([report[-1] ^ 1])
    with pytest.raises(WrongDigestError):
        session(PRIV).open(damaged, 0)


def reported(data: bytes) -> bool:
    """Whether a message that is refused has a Report as its answer."""
    agent = engine()
    return agent.report(_refused(data, agent=agent), 0) is not None


def unreportable(data: bytes, flags: int = 4) -> bytes:
    """The message without the reportableFlag."""
    silent = data.replace(bytes((4, 1, flags, 2, 1, 3)), bytes((4, 1, flags & 3, 2, 1, 3)))
    assert silent != data
    return silent


def test_a_pdu_that_can_be_read_decides_about_a_report_whatever_the_reportable_flag_is() -> None:
    nobody = session(NO_AUTH, UsmCredentials(b"nobody"))
    asked = nobody.seal(get(), 1, 0)
    assert reported(asked)
    assert reported(unreportable(asked))
    assert reported(unreportable(RemoteSession(ALICE, AUTH, first_salt=1).discovery(7)))
    trap = nobody.seal(encode_pdu(Pdu(PduType.TRAP, 1)), 1, 0)
    assert not reported(trap)
    assert not reported(trap.replace(b"\x04\x01\x00\x02\x01\x03", b"\x04\x01\x04\x02\x01\x03"))


def test_the_reportable_flag_decides_where_the_pdu_cannot_be_read() -> None:
    encrypted = session(PRIV, UsmCredentials.from_passwords(
        b"nobody", AuthProtocol.SHA256, b"authpassword", PrivProtocol.AES, b"privpassword"
    )).seal(get(), 1, 0)  # fmt: skip
    assert reported(encrypted)
    assert not reported(unreportable(encrypted, 7))
    broken = session(NO_AUTH, UsmCredentials(b"nobody")).seal(b"\xa0\x03\x02\x01", 1, 0)
    assert reported(broken)
    assert not reported(unreportable(broken))


def test_privacy_without_authentication_is_malformed() -> None:
    data = session(NO_AUTH, UsmCredentials(b"guest")).seal(get(), 1, 0)
    with pytest.raises(DecodeError) as refused:
        engine().open(data.replace(b"\x04\x01\x04\x02\x01\x03", b"\x04\x01\x06\x02\x01\x03"), 0)
    assert not isinstance(refused.value, UsmError)


def test_a_response_fits_what_the_sender_can_receive() -> None:
    agent = engine()
    who = RemoteSession(ALICE, PRIV, first_salt=99, max_size=484)
    who.learn_engine_id(ENGINE)
    peer = synchronised(agent, who, 10)
    opened = agent.open(peer.seal(get(), 2, 10, context_name=b"c" * 20), 10)
    room = agent.varbind_room(opened)
    assert room > 250
    assert len(agent.seal(opened, 5, 1, bytes(room), 10)) <= 484
    with pytest.raises(EncodeError):
        agent.seal(opened, 0, 0, bytes(484), 10)


@given(st.integers(484, 3000), st.binary(max_size=32), st.sampled_from(SecurityLevel))
@settings(max_examples=60)
def test_what_has_room_fits(size: int, context: bytes, level: SecurityLevel) -> None:
    agent = engine(boots=2**31 - 2, max_size=size)
    peer = session(level)
    peer._synchronise(2**31 - 2, 2**31 - 1, 2**31 - 1)
    opened = agent.open(peer.seal(get(2**31 - 1), 2**31 - 1, 2**31 - 1, context_name=context),
                        2**31 - 1)  # fmt: skip
    room = agent.varbind_room(opened)
    assert len(agent.seal(opened, 18, 2**31 - 1, bytes(room), 2**31 - 1)) <= size


def test_a_salt_is_used_once() -> None:
    peer = session()
    assert len({peer.seal(get(), 1, 0)[-60:] for _ in range(20)}) == 20


def test_a_report_that_a_request_in_an_unknown_context_gets() -> None:
    agent = engine()
    peer = synchronised(agent, session(), 10)
    opened = agent.open(peer.seal(get(77), 2, 10, context_name=b"moon"), 10)
    unknown_contexts = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)
    reply = peer.open(agent.seal_report(opened, unknown_contexts, 3, 10), 10)
    assert isinstance(reply.pdu, Pdu)
    assert (reply.pdu.type, reply.pdu.request_id) == (PduType.REPORT, 77)
    assert reply.pdu.varbinds[0].oid == unknown_contexts


# -- what an attacker sends -----------------------------------------------------------------


def test_a_response_below_the_level_of_its_request_is_refused() -> None:
    agent, peer = engine(), session(PRIV)
    opened = agent.open(session(NO_AUTH).seal(get(), 1, 0), 0)
    with pytest.raises(UnsupportedSecurityLevelError):
        peer.open(agent.seal(opened, 0, 0, BODY, 0), 0)


def test_an_engine_id_that_nobody_asked_for_is_not_believed() -> None:
    agent, peer = engine(), RemoteSession(ALICE, PRIV, first_salt=3)
    error = _refused(peer.discovery(11), 0, agent)
    report = agent.report(error, 0)
    assert report is not None
    fresh = RemoteSession(ALICE, PRIV, first_salt=3)
    with pytest.raises(UnknownEngineIdError):
        fresh.open(report, 0)


def test_a_reply_from_the_past_is_refused() -> None:
    agent = engine()
    peer = synchronised(agent, session(), 10)
    opened = agent.open(peer.seal(get(), 2, 10), 10)
    old = agent.seal(opened, 0, 0, BODY, 10)
    with pytest.raises(NotInTimeWindowError):
        peer.open(old, 10 + 151)


def test_no_octet_of_an_authentic_message_can_be_changed() -> None:
    agent = engine()
    data = synchronised(agent, session(), 10).seal(get(), 2, 10)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(DecodeError):
            agent.open(bytes(damaged), 10)


@given(st.binary(max_size=200))
def test_anything_is_opened_or_refused(data: bytes) -> None:
    for receiver in (engine(), session()):
        with contextlib.suppress(WireError):
            receiver.open(data, 0)


@given(st.data())
def test_a_damaged_message_is_opened_or_refused(data: st.DataObject) -> None:
    agent = engine()
    octets = bytearray(session(data.draw(st.sampled_from(SecurityLevel))).seal(get(), 1, 0))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        agent.open(bytes(octets), 0)
    except UsmError as error:
        report = agent.report(error, 0)
        if report is not None:
            decode_message(report)
    except WireError:
        pass


def test_an_envelope_that_was_met_before_is_read_as_if_it_were_new() -> None:
    """The messages differ in msgID, digest, salt and, some, in the time."""
    agent = engine()
    peer = synchronised(agent, session(), 100)
    for number, now in ((2, 100), (70_000, 100), (3, 101), (2**31 - 1, 101), (4, 240)):
        message = peer.seal(get(number), number, now)
        opened = agent.open(message, now)
        assert opened[:7] == engine().open(message, now)[:7]
        assert opened.msg_id == number
        for place in range(len(message)):
            forged = bytearray(message)
            forged[place] ^= 0x01
            with pytest.raises(DecodeError):
                agent.open(bytes(forged), now)
    with pytest.raises(NotInTimeWindowError):
        agent.open(message, 500)


@given(st.binary(max_size=40), st.sampled_from([AUTH, PRIV]))
def test_whatever_an_authentic_message_holds_it_is_read_or_refused(scoped: bytes, level: SecurityLevel) -> None:
    agent = engine()
    sender = UserSecurity(ALICE.localize(ENGINE), first_salt=5, max_size=65507)
    for inside in (scoped, encode_octets(ENGINE) + b"\x04\x00" + scoped):
        for framed in (inside, b"\x30" + bytes((len(inside),)) + inside):
            with contextlib.suppress(DecodeError):
                agent.open(sender.seal(level, True, 9, 7, 100, framed), 100)
