"""The gateway beside real libvirt hosts: what is told is what happened there."""
