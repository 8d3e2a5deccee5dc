"""`[sources.NAME]` of a Pacemaker cluster."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from gateway.config.settings import SourceSettings

_SSH = frozenset({"ssh", "autossh"})


class PacemakerSettings(SourceSettings):
    """
    How a cluster is read. Without any of these keys the tools are run on this machine, which must be a node.

    Polling costs a node about 0.1 s of CPU a minute at the default interval; 15 to 30 s are sensible.
    """

    prefix: tuple[str, ...] = Field(
        default=(),
        max_length=64,
        description='Give the words that come before crm_mon and cibadmin: [] runs them here, ["ssh", "-o", '
        '"BatchMode=yes", "gateway@{node}"] on a node, ["env", "CIB_file=/path/cib.xml"] on a saved CIB.',
    )
    nodes: tuple[str, ...] = Field(
        default=(),
        max_length=64,
        description="Name the nodes to ask, best first; each takes the place of {node} in prefix.",
    )
    """Asked one after the other until one gives an authoritative view; with ssh appended when prefix has no {node}."""
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Give the seconds that one node may take.")
    hedge_s: float = Field(default=2.0, gt=0, le=300, description="Give seconds; less than timeout_s is useful.")
    """After so long without an answer the next node is asked as well."""
    debounce_s: float = Field(default=0.3, ge=0, le=10, description="Give the seconds from a hint to the read.")
    crm_mon: str = Field(default="crm_mon", min_length=1, description="Give its name or full path.")
    cibadmin: str = Field(default="cibadmin", min_length=1, description="Give its name or full path.")
    identity_file: Path | None = Field(
        default=None, description="Name a JSON or TOML file with a list `nodes` of identity facts."
    )
    identity: tuple[dict[str, Any], ...] = Field(
        default=(), description='Give tables such as { node = "n1", smbios_uuid = "..." }.'
    )
    """Identity of nodes (as the agent's file has it); wins over what agents push."""

    @field_validator("prefix", "nodes")
    @classmethod
    def _words(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not value or "\0" in value:
                raise ValueError("an empty word or a NUL in it")
        return values

    @field_validator("nodes")
    @classmethod
    def _node_names(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value.startswith("-") or any(character.isspace() for character in value):
                raise ValueError(f"{value!r} is no name of a node: it begins with - or holds a blank")
        return values

    @model_validator(mode="after")
    def _nodes_are_used(self) -> Self:
        if self.nodes and not self.places_node:
            raise ValueError("nodes are given, but prefix has no {node} and is no ssh: all would be the same. Add it")
        if not self.nodes and any("{node}" in word for word in self.prefix):
            raise ValueError("prefix has {node}, but nodes is empty. Name the nodes to ask")
        return self

    @property
    def by_ssh(self) -> bool:
        return bool(self.prefix) and Path(self.prefix[0]).name in _SSH

    @property
    def places_node(self) -> bool:
        """Whether the name of a node has a place in the command."""
        return self.by_ssh or any("{node}" in word for word in self.prefix)

    @property
    def is_saved_cib(self) -> bool:
        """The tools are pointed at a file: there is no cluster, hence no DC, behind it."""
        return any(word.startswith("CIB_file=") for word in self.prefix)

    def command(self, node: str, tool: tuple[str, ...]) -> tuple[str, ...]:
        """The words that run a tool on a node. Far away its surroundings are set too, for want of a forced command."""
        words = tuple(word.replace("{node}", node) for word in self.prefix)
        if self.by_ssh:
            if node and words == self.prefix:
                words += (node,)
            return (*words, "env", "TZ=UTC", "LC_ALL=C", *tool)
        return (*words, *tool)
