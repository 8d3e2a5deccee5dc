"""A question to our own SNMP agent by another implementation (pysnmp): what a console would get."""

from dataclasses import dataclass
from typing import Any

from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    usmAesBlumenthalCfb192Protocol,
    usmAesBlumenthalCfb256Protocol,
    usmAesCfb128Protocol,
    usmAesCfb192Protocol,
    usmAesCfb256Protocol,
    usmDESPrivProtocol,
    usmHMAC128SHA224AuthProtocol,
    usmHMAC192SHA256AuthProtocol,
    usmHMAC256SHA384AuthProtocol,
    usmHMAC384SHA512AuthProtocol,
    usmHMACMD5AuthProtocol,
    usmHMACSHAAuthProtocol,
    usmKeyTypeLocalized,
    usmNoAuthProtocol,
    usmNoPrivProtocol,
)
from pysnmp.proto.rfc1902 import OctetString

from gateway.config.addresses import parse_address
from gateway.model.errors import GatewayError
from gateway.publishers.snmp.settings import SnmpSettings
from gateway.schema.snmp.arcs import ENTERPRISE, under
from gateway.schema.snmp.credentials import V3Credentials
from gateway.schema.snmp.info import SCALARS
from gateway.wire.ber import Oid
from gateway.wire.usm import AuthProtocol, PrivProtocol

_AUTH = {
    AuthProtocol.MD5: usmHMACMD5AuthProtocol,
    AuthProtocol.SHA: usmHMACSHAAuthProtocol,
    AuthProtocol.SHA224: usmHMAC128SHA224AuthProtocol,
    AuthProtocol.SHA256: usmHMAC192SHA256AuthProtocol,
    AuthProtocol.SHA384: usmHMAC256SHA384AuthProtocol,
    AuthProtocol.SHA512: usmHMAC384SHA512AuthProtocol,
}
_PRIV = {
    PrivProtocol.DES: usmDESPrivProtocol,
    PrivProtocol.AES: usmAesCfb128Protocol,
    PrivProtocol.AES192: usmAesBlumenthalCfb192Protocol,
    PrivProtocol.AES256: usmAesBlumenthalCfb256Protocol,
    PrivProtocol.AES192_C: usmAesCfb192Protocol,
    PrivProtocol.AES256_C: usmAesCfb256Protocol,
}
_REVISION = next(scalar for scalar in SCALARS if scalar.name == "topoInfoRevision")
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class NoAnswer(GatewayError):
    """The agent did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who may ask the agent, by the label of the configuration."""

    label: str
    credentials: Any


def who_may_ask(settings: SnmpSettings) -> list[Who]:
    """Every community and user of `[publishers.snmp]`."""
    found = [
        Who(f"community {label}", CommunityData(each.community.get_secret_value(), mpModel=1))
        for label, each in settings.communities.items()
    ]
    return found + [Who(f"user {name}", _user(name, each.credentials())) for name, each in settings.users.items()]


async def ask_revision(listen: str, who: Who, root: Oid = ENTERPRISE, timeout_s: float = 2.0) -> int:
    """
    topoInfoRevision of the agent at `listen` ("127.0.0.1:1161"), whose MIB hangs at `root`.

    Raises:
        NoAnswer: it did not answer, or refused.
    """
    host, port = parse_address(listen)
    target = (_UNSPECIFIED.get(host, host), port)
    wanted = ObjectType(ObjectIdentity((*under(root, _REVISION.oid), 0)))
    engine = SnmpEngine()
    try:
        transport = await _transport(target, timeout_s)
        error, status, _, varbinds = await get_cmd(engine, who.credentials, transport, ContextData(), wanted)
    finally:
        engine.close_dispatcher()
    if error:
        raise NoAnswer(f"{who.label} at {target[0]} port {port}: {error}")
    if status:
        raise NoAnswer(f"{who.label} at {target[0]} port {port}: {status.prettyPrint()}")
    try:
        return int(varbinds[0][1])
    except (TypeError, ValueError) as wrong:
        raise NoAnswer(f"{who.label} at {target[0]} port {port}: its view does not hold the topology") from wrong


async def _transport(target: tuple[str, int], timeout_s: float) -> Any:
    if ":" not in target[0]:
        return await UdpTransportTarget.create(target, timeout=timeout_s, retries=1)
    from pysnmp.hlapi.v3arch.asyncio import Udp6TransportTarget

    return await Udp6TransportTarget.create(target, timeout=timeout_s, retries=1)


def _user(name: str, given: V3Credentials) -> Any:
    auth, priv = given.auth_protocol, given.priv_protocol
    protocols = {
        "authProtocol": _AUTH[auth] if auth is not None else usmNoAuthProtocol,
        "privProtocol": _PRIV[priv] if priv is not None else usmNoPrivProtocol,
    }
    if (keys := given.localized) is not None:
        return UsmUserData(
            name,
            authKey=OctetString(keys.auth_key),
            privKey=OctetString(keys.priv_key) if keys.priv_key else None,
            securityEngineId=OctetString(keys.engine_id),
            authKeyType=usmKeyTypeLocalized,
            privKeyType=usmKeyTypeLocalized,
            **protocols,
        )
    private = (given.priv_password or given.auth_password) if priv is not None else None
    return UsmUserData(name, authKey=given.auth_password, privKey=private, **protocols)
