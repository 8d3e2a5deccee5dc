"""Pure graph logic: identity, diff, placement, relocation, failure, where, impact. No I/O, no clock."""
