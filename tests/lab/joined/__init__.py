"""Both labs at once: the cluster's nodes live in guests of the libvirt hosts, or are these hosts themselves."""

from tests.lab.joined.lab import JoinedLab, missing
from tests.lab.joined.virtual_domain import VirtualDomain

__all__ = ["JoinedLab", "VirtualDomain", "missing"]
