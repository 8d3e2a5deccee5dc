"""A question to our own SNMP agent by another implementation (pysnmp): what a console would get."""

import socket
from dataclasses import dataclass, field
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
    next_cmd,
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
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from gateway.config.addresses import parse_address
from gateway.model.errors import GatewayError
from gateway.publishers.snmp.networks import Networks
from gateway.publishers.snmp.settings import AskerSettings, SnmpSettings
from gateway.schema.snmp.arcs import ENTERPRISE, under
from gateway.schema.snmp.credentials import V3Credentials
from gateway.schema.snmp.info import SCALARS
from gateway.schema.snmp.views import Subtrees
from gateway.wire.ber import Oid
from gateway.wire.oid import format_oid
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
_FIRST: Oid = (1, 3)
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class NoAnswer(GatewayError):
    """The agent did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who may ask the agent, by the label of the configuration, from `networks` only."""

    label: str
    credentials: Any = field(repr=False)
    networks: Networks
    sees_revision: bool
    """Whether topoInfoRevision is in what it may see."""
    context: str = ""
    """The one context that it opens."""


def who_may_ask(settings: SnmpSettings) -> list[Who]:
    """Every community and user of `[publishers.snmp]`."""
    found = []
    for label, community in settings.communities.items():
        secret, context = CommunityData(community.community.get_secret_value(), mpModel=1), community.context
        sees = not context and _sees_revision(settings, community)
        found.append(Who(f"community {label}", secret, Networks(community.allow), sees, context))
    for name, user in settings.users.items():
        credentials, networks = _user(name, user.credentials()), Networks(user.allow)
        found.append(Who(f"user {name}", credentials, networks, _sees_revision(settings, user)))
    return found


def _sees_revision(settings: SnmpSettings, who: AskerSettings) -> bool:
    view = settings.views.get(who.view)
    revision = under(settings.root, _REVISION.oid)
    return view is None or Subtrees.parse(view.include, view.exclude, settings.root).includes(revision)


def asking_address(listen: str) -> str:
    """
    The address from which this machine asks the agent at `listen`.

    Raises:
        NoAnswer: it cannot.
    """
    target = _target(listen)
    with socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(target)
        except OSError as error:
            raise NoAnswer(f"{target[0]} port {target[1]}: {error.strerror or error}") from error
        return str(asking.getsockname()[0])


async def ask(listen: str, who: Who, root: Oid = ENTERPRISE, timeout_s: float = 2.0) -> str:
    """
    What the agent at `listen` ("127.0.0.1:1161"), whose MIB hangs at `root`, answers: topoInfoRevision, and whom that
    is not shown the first object that is.

    Raises:
        NoAnswer: it did not answer, or refused.
    """
    target = _target(listen)
    where = f"{who.label} at {target[0]} port {target[1]}"
    oid, command = ((*under(root, _REVISION.oid), 0), get_cmd) if who.sees_revision else (_FIRST, next_cmd)
    engine = SnmpEngine()
    try:
        transport = await _transport(target, timeout_s)
        wanted = ObjectType(ObjectIdentity(oid))
        error, status, _, varbinds = await command(engine, who.credentials, transport, ContextData(), wanted)
    finally:
        engine.close_dispatcher()
    if error or status:
        raise NoAnswer(f"{where}: {error or status.prettyPrint()}")
    name, value = tuple(varbinds[0][0]), varbinds[0][1]
    if isinstance(value, (NoSuchObject, NoSuchInstance, EndOfMibView)):
        raise NoAnswer(f"{where}: its view shows nothing of what is there")
    return f"revision {int(value)}" if who.sees_revision else f"the first that it sees is {format_oid(name)}"


def _target(listen: str) -> tuple[str, int]:
    host, port = parse_address(listen)
    return _UNSPECIFIED.get(host, host), port


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
