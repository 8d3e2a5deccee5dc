"""Composition root: command line, wiring, plug-in discovery, life cycle."""
