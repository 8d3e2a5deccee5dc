"""The content of the lab's cluster: its configuration (CIB), and what an onlooker should know of its resources."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.pacemaker.plan import Plan

RECORDER = "/mnt/halab/alert"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What can relocate in a cluster, by the ids of its resources."""

    singles: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    promotables: tuple[str, ...]

    @property
    def located(self) -> tuple[str, ...]:
        """Every id that is asked for with `crm_resource --locate`."""
        members = [member for group in self.groups.values() for member in group]
        return (*self.singles, *members, *self.promotables)


INVENTORY = Inventory(
    singles=("svc-a", "svc-b", "vm-1"),
    groups={"app": ("app-ip", "app-fs", "app-db")},
    promotables=("db-clone",),
)
PRIMITIVES = ("svc-a", "svc-b", "vm-1", "app-ip", "app-fs", "app-db", "agent", "db", "power")


def cib(plan: Plan) -> str:
    """The CIB that every node finds on its disk at first start (quicker than editing a live one)."""
    options = {
        "stonith-enabled": "true",
        "stonith-timeout": "20s",
        "cluster-recheck-interval": "60s",
        "dc-deadtime": "2s",
        "stonith-max-attempts": "3",
        "no-quorum-policy": "stop",
    }
    ports = {"remote-clear-port": plan.clear_port, "remote-tls-port": plan.tls_port}
    attributes = "".join(f' {name}="{port}"' for name, port in ports.items() if port)
    return (
        f'<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" admin_epoch="0" epoch="1" num_updates="0"'
        f"{attributes}><configuration>"
        f'<crm_config><cluster_property_set id="opts">{_nvpairs("opt", options)}</cluster_property_set></crm_config>'
        f"<nodes/>{resources(plan)}{constraints()}"
        f'<rsc_defaults><meta_attributes id="rd">{_nvpairs("rd", {"resource-stickiness": "100"})}</meta_attributes>'
        f"</rsc_defaults>{alerts(plan.alert_path)}</configuration><status/></cib>"
    )


def constraints() -> str:
    return "<constraints/>"


def resources(plan: Plan) -> str:
    """The `<resources>` section: ours, the remote nodes' connections, and what the caller adds."""
    if not plan.with_resources:
        return f"<resources>{plan.extra_resources}</resources>"
    own = [
        _primitive("svc-a", "halab", "Svc", meta={"migration-threshold": "2"}),
        _primitive("svc-b", "halab", "Svc", meta={"migration-threshold": "1"}),
        # an agent with migrate_to and migrate_from, as VirtualDomain has
        _primitive("vm-1", "halab", "Svc", meta={"allow-migrate": "true"}),
        f'<group id="app">{"".join(_primitive(member) for member in INVENTORY.groups["app"])}</group>',
        f'<clone id="agent-clone">{_primitive("agent", "pacemaker")}</clone>',
        '<clone id="db-clone"><meta_attributes id="db-clone-ma">'
        + _nvpairs("dbc", {"promotable": "true", "promoted-max": "1"})
        + f"</meta_attributes>{_primitive('db', 'pacemaker', 'Stateful', operations=_PROMOTABLE_MONITORS)}</clone>",
        _fence_device(plan),
    ]
    own += [_connection(name, address) for name, address in plan.remotes.items()]
    return f"<resources>{''.join(own)}{plan.extra_resources}</resources>"


def alerts(path: str | None) -> str:
    """The `<alerts>` section: the lab's recorder, and the agent under test when there is one."""
    recorder = (
        f'<alert id="recorder" path="{RECORDER}"><select><select_nodes/><select_fencing/>'
        '<select_resources/><select_attributes/></select><meta_attributes id="recorder-ma">'
        f"{_nvpairs('recorder', {'timestamp-format': '%s.%6N'})}</meta_attributes></alert>"
    )
    return f"<alerts>{recorder}{_gateway_alert(path) if path else ''}</alerts>"


def _gateway_alert(path: str) -> str:
    return (
        f'<alert id="gateway" path="{path}"><select><select_nodes/><select_fencing/>'
        "<select_resources/></select></alert>"
    )


_PROMOTABLE_MONITORS = (
    '<op id="db-mP" name="monitor" interval="5s" role="Promoted"/>'
    '<op id="db-mU" name="monitor" interval="6s" role="Unpromoted"/>'
)


def _primitive(
    name: str,
    provider: str = "heartbeat",
    agent: str = "Dummy",
    *,
    meta: dict[str, str] | None = None,
    operations: str = "",
) -> str:
    operations = operations or (
        f'<op id="{name}-m" name="monitor" interval="5s"/>'
        f'<op id="{name}-s" name="start" interval="0" timeout="10s"/>'
        f'<op id="{name}-t" name="stop" interval="0" timeout="10s"/>'
    )
    attributes = f'<meta_attributes id="{name}-ma">{_nvpairs(name, meta)}</meta_attributes>' if meta else ""
    return (
        f'<primitive id="{name}" class="ocf" provider="{provider}" type="{agent}">'
        f"{attributes}<operations>{operations}</operations></primitive>"
    )


def _connection(name: str, address: str) -> str:
    return (
        f'<primitive id="{name}" class="ocf" provider="pacemaker" type="remote"><instance_attributes id="{name}-ia">'
        f"{_nvpairs(name, {'server': address, 'reconnect_interval': '20s'})}</instance_attributes>"
        f'<operations><op id="{name}-m" name="monitor" interval="20s"/>'
        f'<op id="{name}-s" name="start" interval="0" timeout="60s"/></operations></primitive>'
    )


def _fence_device(plan: Plan) -> str:
    parameters = {"pcmk_host_list": " ".join(plan.machines), "pcmk_host_check": "static-list"}
    return (
        '<primitive id="power" class="stonith" type="fence_halab"><instance_attributes id="power-ia">'
        f"{_nvpairs('power', parameters)}</instance_attributes>"
        '<operations><op id="power-m" name="monitor" interval="30s"/></operations></primitive>'
    )


def _nvpairs(prefix: str, pairs: dict[str, str]) -> str:
    return "".join(f'<nvpair id="{prefix}-{name}" name="{name}" value="{value}"/>' for name, value in pairs.items())
