"""What `crm_mon --output-as=xml` says, as frozen records. Unknown attributes stay in `more`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

INFINITY = 1_000_000
"""Pacemaker's score without bound."""


@dataclass(frozen=True, slots=True)
class CrmNode:
    """One <node> of <nodes>. `container`: of a guest node, the resource that is its VM or container."""

    name: str
    id: str
    online: bool
    standby: bool = False
    standby_onfail: bool = False
    maintenance: bool = False
    pending: bool = False
    unclean: bool = False
    shutdown: bool = False
    expected_up: bool = False
    is_dc: bool = False
    type: str = "member"
    container: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def heard(self) -> bool:
        """The cluster knows what happens there: it is online, joined, and not to be fenced."""
        return self.online and not self.unclean and not self.pending


@dataclass(frozen=True, slots=True)
class CrmResource:
    """One <resource>: a primitive, or one instance of it. `role` in lower case, in the words of 2.1 and later."""

    id: str
    agent: str
    role: str
    nodes: tuple[str, ...]
    target_role: str = ""
    active: bool = False
    orphaned: bool = False
    blocked: bool = False
    managed: bool = True
    failed: bool = False
    failure_ignored: bool = False
    pending: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_fencing(self) -> bool:
        return self.agent.startswith("stonith:")

    @property
    def is_remote_connection(self) -> bool:
        return self.agent == "ocf:pacemaker:remote"


@dataclass(frozen=True, slots=True)
class CrmGroup:
    """One <group>; members in their order."""

    id: str
    members: tuple[CrmResource, ...]
    managed: bool = True
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class CrmClone:
    """One <clone>; instances are resources or, of a cloned group, groups. Their ids may end in `:N`."""

    id: str
    instances: tuple[CrmResource | CrmGroup, ...]
    promotable: bool = False
    unique: bool = False
    managed: bool = True
    disabled: bool = False
    failed: bool = False
    target_role: str = ""


@dataclass(frozen=True, slots=True)
class CrmReplica:
    """One <replica> of a bundle: payload, container, connection and address, whichever there are."""

    id: str
    parts: tuple[CrmResource, ...]


@dataclass(frozen=True, slots=True)
class CrmBundle:
    """One <bundle>. `type`: docker, podman, rkt."""

    id: str
    type: str
    replicas: tuple[CrmReplica, ...]
    image: str = ""
    managed: bool = True
    failed: bool = False


CrmTop = CrmResource | CrmGroup | CrmClone | CrmBundle


@dataclass(frozen=True, slots=True)
class CrmOperation:
    """One <operation_history>. `interval_ms` 0: not recurring."""

    call: int
    task: str
    rc: int
    interval_ms: int = 0


@dataclass(frozen=True, slots=True)
class CrmHistory:
    """One <resource_history> of a node. `migration_threshold` and `fail_count`: INFINITY is 1000000."""

    node: str
    id: str
    migration_threshold: int
    fail_count: int
    last_failure: int | None
    operations: tuple[CrmOperation, ...]

    @property
    def exhausted(self) -> bool:
        """The node may not run the resource again until its failures are cleaned up."""
        return self.fail_count >= min(self.migration_threshold or INFINITY, INFINITY)


@dataclass(frozen=True, slots=True)
class CrmFailure:
    """One <failure>. `at`: microseconds UTC."""

    op_key: str
    node: str
    call: str
    task: str
    interval_ms: int
    text: str
    at: int | None
    changed: str


@dataclass(frozen=True, slots=True)
class CrmFenceEvent:
    """One <fence_event>. `status`: pending, success, failed. `at`: when it was completed, microseconds UTC."""

    action: str
    target: str
    status: str
    delegate: str
    client: str
    completed: str
    at: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class CrmBan:
    """One <ban>: a location constraint of -INFINITY."""

    id: str
    resource: str
    node: str
    weight: int
    promoted_only: bool


@dataclass(frozen=True, slots=True)
class CrmTicket:
    """One <ticket>."""

    id: str
    granted: bool
    standby: bool


@dataclass(frozen=True, slots=True)
class CrmView:
    """One whole view. `quorate` None: the view does not say (it has no DC). Times: microseconds UTC."""

    api_version: str
    dc_present: bool
    dc: str
    quorate: bool | None
    version: str
    stack: str
    options: Mapping[str, str]
    updated: int | None
    nodes: tuple[CrmNode, ...]
    resources: tuple[CrmTop, ...]
    history: tuple[CrmHistory, ...] = ()
    failures: tuple[CrmFailure, ...] = ()
    fence_events: tuple[CrmFenceEvent, ...] = ()
    bans: tuple[CrmBan, ...] = ()
    tickets: tuple[CrmTicket, ...] = ()
    node_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def no_quorum_policy(self) -> str:
        """What the cluster does without quorum; its default is stop."""
        return self.options.get("no-quorum-policy", "stop")

    @property
    def ignores_quorum(self) -> bool:
        return self.no_quorum_policy == "ignore"

    def authoritative(self, needs_dc: bool) -> bool:
        """Whether positions may be taken from this view (a saved CIB or a recording needs no DC)."""
        if not self.dc_present and needs_dc:
            return False
        return self.quorate is not False or self.ignores_quorum
