"""The gateway beside both labs: one chain from a service to the rack, one notification for what is one move."""
