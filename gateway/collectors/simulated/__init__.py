"""Simulated estates: hosts, VMs and HA clusters that relocate and fail with scripted causes."""

from gateway.collectors.simulated.settings import SimulatedSettings
from gateway.collectors.simulated.source import SimulatedSource
from gateway.model.ports import CollectorPlugin

PLUGIN = CollectorPlugin(
    kind="simulated",
    title="a simulated estate, for trying things out",
    settings=SimulatedSettings,
    create=SimulatedSource,
)
