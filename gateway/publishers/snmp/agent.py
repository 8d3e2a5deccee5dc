"""Agent: a datagram in, a datagram out (RFC 3412 section 7, RFC 3584 section 5.2). No sockets."""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.model.ports import CurrentTopology
from gateway.publishers.snmp.access import Access, View
from gateway.publishers.snmp.answer import TOO_BIG, answer
from gateway.publishers.snmp.refusals import Refusals
from gateway.publishers.snmp.render import Renderer
from gateway.publishers.snmp.system import Counters
from gateway.schema.snmp.arcs import MPD_STATS, UNKNOWN_CONTEXTS
from gateway.schema.snmp.engine import SnmpEngine
from gateway.wire.errors import (
    DecodeError,
    EncodeError,
    InvalidFlagsError,
    UnexpectedPduError,
    UnknownSecurityModelError,
    UnknownVersionError,
    UsmCounter,
    UsmError,
)
from gateway.wire.fast import (
    KnownHead,
    Request,
    encode_response,
    is_v3,
    parse_request,
    parse_usual,
    remember_head,
    varbind_room,
)
from gateway.wire.pdu import PduType
from gateway.wire.usm import AuthoritativeEngine, OpenedRequest

_UNKNOWN_PDU_HANDLERS: Final = (*MPD_STATS, 3, 0)
_UNKNOWN_CONTEXTS: Final = (*UNKNOWN_CONTEXTS, 0)
# Bound once: in Python 3.11 each look-up of an enum's member calls a Python function.
_WRONG_LEVEL: Final = UsmCounter.UNSUPPORTED_SEC_LEVELS
_UNKNOWN_ENGINE: Final = UsmCounter.UNKNOWN_ENGINE_IDS
_INFORM: Final = PduType.INFORM
_SET: Final = PduType.SET
_NO_COMMUNITY: Final = "an unknown community"
_NOT_FROM_THERE: Final = "a community that is not allowed from there"
_NOT_AUTHENTIC: Final[Mapping[UsmCounter, str]] = {
    UsmCounter.UNKNOWN_USER_NAMES: "an unknown user of SNMPv3",
    UsmCounter.WRONG_DIGESTS: "a wrong password or key of SNMPv3",
}
"""What is an authentication failure (RFC 3418, authenticationFailure), in words."""
_COUNTED_AS: Final[Mapping[type[DecodeError], str]] = {
    UnknownVersionError: "bad_versions",
    UnknownSecurityModelError: "unknown_security_models",
    InvalidFlagsError: "invalid_messages",
    UnexpectedPduError: "unknown_pdu_handlers",
}
"""What is dropped, by its counter (RFC 3412 section 7.2); all else is an ASN.1 parse error (RFC 3418)."""


class Agent:
    """Answers requests of SNMPv1, v2c and v3 from the current snapshot. Belongs to one thread."""

    def __init__(
        self,
        topology: CurrentTopology,
        renderer: Renderer,
        access: Access,
        engine: SnmpEngine,
        usm: AuthoritativeEngine,
        counters: Counters,
        monotonic: Callable[[], float],
    ) -> None:
        self._topology = topology
        self._renderer = renderer
        self._access = access
        self._communities = access.communities
        self._users = access.users
        self._engine = engine
        self._usm = usm
        self._counters = counters
        self._monotonic = monotonic
        self._max_size = usm.max_size
        self._heads: dict[bytes, KnownHead] = {}
        self.refusals = Refusals()

    def respond(self, data: bytes, source: str) -> bytes | None:
        """The response to a datagram from an address, or None when none is due: malformed, or not allowed."""
        self._counters.in_packets += 1
        try:
            request = parse_usual(data, self._heads)
            if request is not None:
                return self._respond_community(request, source)
            if is_v3(data):
                return self._respond_v3(data, source)
            request = parse_request(data)
            response = self._respond_community(request, source)
            if response is not None:
                remember_head(self._heads, request)
            return response
        except DecodeError as error:
            counter = _COUNTED_AS.get(type(error), "parse_errors")
            setattr(self._counters, counter, getattr(self._counters, counter) + 1)
        except EncodeError:
            self._counters.silent_drops += 1
        return None

    # -- SNMPv1 and v2c --------------------------------------------------------------------------------------

    def _respond_community(self, request: Request, source: str) -> bytes | None:
        renderer = self._renderer
        snapshot = self._topology.snapshot
        if snapshot is not renderer.snapshot:
            renderer.use(snapshot)
        community = self._communities.get(request.community) or self._access.community(request.community)
        if community is None or not (community.networks.anywhere or community.networks.allow(source)):
            self._counters.bad_community_names += 1
            self.refusals.note(source, _NO_COMMUNITY if community is None else _NOT_FROM_THERE)
            return None
        if request.pdu_type is _INFORM:
            self._counters.unknown_pdu_handlers += 1
            return None
        view = community.view
        if view is None:  # RFC 3413 section 3.2 (5); SNMPv1 and v2c have no reports
            self._counters.unknown_contexts += 1
            return None
        if request.pdu_type is _SET:
            self._counters.bad_community_uses += 1
        room = varbind_room(request, self._max_size)
        status, index, varbinds = answer(request, view, renderer.serial, room)
        response = encode_response(request, status, index, varbinds)
        if len(response) <= self._max_size:
            return response
        smallest = encode_response(request, *TOO_BIG)
        if len(smallest) <= self._max_size:
            return smallest
        self._counters.silent_drops += 1
        return None

    # -- SNMPv3 ----------------------------------------------------------------------------------------------

    def _respond_v3(self, data: bytes, source: str) -> bytes | None:
        now = self._engine.time_s(self._monotonic())
        try:
            opened = self._usm.open(data, now)
        except UsmError as error:
            if error.counter in _NOT_AUTHENTIC:
                self.refusals.note(source, _NOT_AUTHENTIC[error.counter])
            return self._report(error, source, now)
        user = self._users[opened.user_name]
        if not user.networks.allow(source):
            self._counters.unknown_sources += 1
            return None
        if opened.context_engine_id != self._engine.engine_id or opened.request.pdu_type is _INFORM:
            self._counters.unknown_pdu_handlers += 1
            return self._usm.seal_report(opened, _UNKNOWN_PDU_HANDLERS, self._counters.unknown_pdu_handlers, now)
        if opened.level is not user.level:  # RFC 3414 section 5: "or otherwise unavailable"
            self._usm.stats[_WRONG_LEVEL] += 1
            return self._usm.seal_report(opened, _WRONG_LEVEL.oid, self._usm.stats[_WRONG_LEVEL], now)
        self._renderer.use(self._topology.snapshot)
        view = user.view if not opened.context_name else self._access.user_view(user, opened.context_name)
        if view is None:
            self._counters.unknown_contexts += 1
            return self._usm.seal_report(opened, _UNKNOWN_CONTEXTS, self._counters.unknown_contexts, now)
        return self._respond_user(opened, view, now)

    def _report(self, error: UsmError, source: str, now: int) -> bytes | None:
        """The report of a refused message; none that is about a user who may not ask from there."""
        target = error.report_to
        about = self._users.get(target.user_name) if target and error.counter is not _UNKNOWN_ENGINE else None
        if about is not None and not about.networks.allow(source):
            self._counters.unknown_sources += 1
            return None
        return self._usm.report(error, now)

    def _respond_user(self, opened: OpenedRequest, view: View, now: int) -> bytes | None:
        room = self._usm.varbind_room(opened)
        status, index, varbinds = answer(opened.request, view, self._renderer.serial, room)
        if status and len(varbinds) > room:
            status, index, varbinds = TOO_BIG
        return self._usm.seal(opened, status, index, varbinds, now)
