"""What the gateway talks about: entities, relations, observations, events, the snapshot. Standard library only."""
