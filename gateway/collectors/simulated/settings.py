"""Settings of a simulated source."""

from typing import Self

from pydantic import Field, model_validator

from gateway.collectors.simulated.estate import Estate, nodes_needed
from gateway.collectors.simulated.plan import CLUSTER_DEEDS, HOST_DEEDS, Deed, Plan, Step
from gateway.config.settings import Settings, SourceSettings

MOST_VMS = 100_000
_DEEDS = ", ".join(Deed)


class StepSettings(Settings):
    """One step of `script`."""

    at_s: float = Field(ge=0, le=31_536_000)
    do: Deed
    what: str = ""
    """Name of the VM, host or HA cluster; without it the seed chooses."""
    to: str = ""
    """Name of the host or HA node that it goes to; without it the seed chooses."""
    lasting: bool = False
    """A host that fails or is drained stays so until `restore_host`."""


class SimulatedSettings(SourceSettings):
    """`[sources.NAME]` with `kind = "simulated"`."""

    interval_s: float = Field(default=60.0, ge=1, le=86_400, description="Give 1 to 86400 seconds.")
    hosts: int = Field(default=4, ge=1, le=2000, description="Give a number of hosts, 1 to 2000.")
    vms_per_host: int = Field(default=50, ge=0, le=1000, description="Give a number of VMs on each host, 0 to 1000.")
    ha_clusters: int = Field(default=1, ge=0, le=1000, description="Give a number of HA clusters, 0 to 1000.")
    seed: int = Field(default=1, ge=0, le=2**31, description="Give a whole number; the same number, the same events.")
    events_per_minute: float = Field(default=6.0, ge=0, le=6000, description="Give 0 to 6000 steps a minute.")
    speed: float = Field(default=1.0, gt=0, le=1000, description="Give the pace of simulated time, up to 1000.")
    script: tuple[StepSettings, ...] = Field(
        default=(), max_length=10_000, description=f'Give steps like {{ at_s = 10, do = "fail_host" }}; do: {_DEEDS}.'
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        vms = self.hosts * self.vms_per_host
        if vms > MOST_VMS:
            raise ValueError(f"hosts x vms_per_host is {vms}, the most is {MOST_VMS}: lower one of the two")
        needed = nodes_needed(self.ha_clusters)
        if needed > vms:
            raise ValueError(
                f"the nodes of {self.ha_clusters} HA clusters need {needed} VMs, hosts x vms_per_host is {vms}: "
                f"lower ha_clusters or raise vms_per_host"
            )
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        estate = Estate(self.plan())
        for number, step in enumerate(self.script):
            for key, value, known in _names(estate, step):
                if value and value not in known:
                    raise ValueError(f"script.{number}.{key} = {value!r}: there is none of that name in this estate")
        return self

    def plan(self) -> Plan:
        """What the events follow from."""
        script = tuple(Step(step.at_s, step.do, step.what, step.to, step.lasting) for step in self.script)
        return Plan(self.hosts, self.vms_per_host, self.ha_clusters, self.seed, self.events_per_minute, script)


def _names(estate: Estate, step: StepSettings) -> list[tuple[str, str, frozenset[str]]]:
    """(key, value, what it may be) of a step's names that are given."""
    given = [(key, value) for key, value in (("what", step.what), ("to", step.to)) if value]
    hosts = {estate.host_name(host) for host in range(estate.hosts)}
    clusters = {estate.cluster_name(cluster) for cluster in range(estate.plan.ha_clusters)}
    nodes = {estate.node_name(*node) for node in estate.nodes.values()}
    vms = {estate.vm_name(vm) for vm in range(estate.vms)} if given else set()
    if step.do in HOST_DEEDS:
        return [(key, value, frozenset(hosts)) for key, value in given]
    known = {"what": clusters, "to": nodes} if step.do in CLUSTER_DEEDS else {"what": vms, "to": hosts}
    return [(key, value, frozenset(known[key])) for key, value in given]
