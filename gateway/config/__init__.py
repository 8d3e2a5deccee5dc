"""The configuration loader and the core settings."""
