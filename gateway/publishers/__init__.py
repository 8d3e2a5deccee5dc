"""One package per protocol; each answers questions from the current snapshot."""
