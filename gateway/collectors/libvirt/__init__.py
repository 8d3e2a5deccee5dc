"""
libvirt fleets: many hosts as one source, each a scope of it, followed by events and confirmed by reads.

`source` is the fleet. For each host a `follower` connects (`connection`, `probe`), listens (`callbacks`) and reads
(`reader`, with `inventory` and `flags`) in a thread of its own (`worker`); `loop` is libvirt's event loop; `agents`
asks guest agents. `parse` turns XML into `records`, `mapping` makes observations of them, with what `memory` and
`fleet` remember. `replay` reads recordings.
"""

from gateway.collectors.libvirt.replay import replay
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.source import LibvirtSource
from gateway.model.ports import CollectorPlugin

PLUGIN = CollectorPlugin(
    kind="libvirt",
    title="libvirt hosts",
    settings=LibvirtSettings,
    create=LibvirtSource,
    replay=replay,
)
