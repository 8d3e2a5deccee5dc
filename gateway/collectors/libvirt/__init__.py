"""libvirt fleets: many hosts as one source, each a scope of it, followed by events and confirmed by reads."""
