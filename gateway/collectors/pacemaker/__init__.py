"""
Pacemaker clusters: read by crm_mon and cibadmin, hinted by their own alerts.

`parse` and `cib` turn octets into records, `picture` says which of them are entities and where they are, `mapping`
makes an Observation of it (with `states`, `conditions`, `evidence`, `bonds`), `source` does the I/O, `replay` reads
recordings, `agent` runs on the cluster's nodes.
"""

from gateway.collectors.pacemaker.replay import replay
from gateway.collectors.pacemaker.settings import PacemakerSettings
from gateway.collectors.pacemaker.source import create
from gateway.model.ports import CollectorPlugin

PLUGIN = CollectorPlugin(
    kind="pacemaker",
    title="Pacemaker cluster (crm_mon, cibadmin)",
    settings=PacemakerSettings,
    create=create,
    replay=replay,
)
