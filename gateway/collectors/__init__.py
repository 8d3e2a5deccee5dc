"""One package per kind of source; each translates what it reads into observations."""
