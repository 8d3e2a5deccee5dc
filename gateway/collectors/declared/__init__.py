"""Declared facts: a YAML file of what no source knows. Its format: docs/declared.md."""

from gateway.collectors.declared.source import DeclaredSettings, DeclaredSource
from gateway.model.ports import CollectorPlugin

PLUGIN = CollectorPlugin(
    kind="declared",
    title="a file of facts that no source knows",
    settings=DeclaredSettings,
    create=DeclaredSource,
)
