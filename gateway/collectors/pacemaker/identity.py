"""Identity facts of nodes: remembered over restarts, and given by hand."""

import json
import logging
import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.collectors.pacemaker.facts import NodeFacts, dump_facts, facts_of
from gateway.model.errors import ConfigError, IngestError

logger = logging.getLogger(__name__)

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 4_096


class Identities:
    """
    Facts by node. What agents push is remembered in a file of the state folder; what the settings give wins.

    `save` and the constructor read and write files: small ones, but call them in a thread.
    """

    def __init__(self, path: Path, given: Mapping[str, NodeFacts]) -> None:
        self._path = path
        self._given = given
        self._pushed = _remembered(path)
        self._saved = dict(self._pushed)

    @property
    def by_node(self) -> Mapping[str, NodeFacts]:
        return {**self._pushed, **self._given}

    def learn(self, facts: NodeFacts) -> None:
        """
        Take what an agent says of its node.

        Raises:
            IngestError: more nodes than a cluster can have.
        """
        if facts.node not in self._pushed and len(self._pushed) >= MAX_NODES:
            raise IngestError(f"facts of more than {MAX_NODES} nodes are not taken.")
        self._pushed = {**self._pushed, facts.node: facts}

    def strangers(self, nodes: Collection[str]) -> tuple[str, ...]:
        """Nodes that the settings have facts of, and the cluster has not."""
        return tuple(sorted(self._given.keys() - set(nodes)))

    @property
    def unsaved(self) -> bool:
        return self._pushed != self._saved

    def save(self) -> None:
        """Write what was learned (mode 0600); a failure is logged, and tried again with the next read."""
        pushed = dict(self._pushed)
        temporary = self._path.with_name(self._path.name + ".new")
        try:
            temporary.unlink(missing_ok=True)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(dump_facts(pushed.values()))
            os.replace(temporary, self._path)
        except OSError as error:
            logger.warning("collector pacemaker: %s cannot be written: %s", self._path, error.strerror)
            return
        self._saved = pushed


def facts_path(state_dir: Path, source: str) -> Path:
    """Where the facts of a source's nodes are remembered."""
    return state_dir / f"pacemaker-{quote(source, safe='')}-facts.json"


def given_facts(inline: tuple[dict[str, Any], ...], path: Path | None, source: str) -> dict[str, NodeFacts]:
    """
    Facts of the settings: the inline tables, and those of a JSON or TOML file (a list, or `nodes` with a list).

    Raises:
        ConfigError: the file cannot be read, or a table is not what it should be.
    """
    key = f"sources.{source}"
    given = _all_facts(list(inline), f"{key}.identity")
    if path is not None:
        given = _all_facts(_read_list(path, f"{key}.identity_file"), str(path)) | given
    return given


def _all_facts(tables: list[Any], where: str) -> dict[str, NodeFacts]:
    try:
        facts = [facts_of(table, f"{where}[{number}]") for number, table in enumerate(tables)]
    except IngestError as error:
        raise ConfigError(f"{error} Correct it.") from error
    return {one.node: one for one in facts}


def _read_list(path: Path, key: str) -> list[Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"{key} = {path} cannot be read: {error.strerror}. Correct the path.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{key} = {path} is no {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}.") from error
    nodes = content.get("nodes", [content]) if isinstance(content, dict) else content
    if not isinstance(nodes, list):
        raise ConfigError(f"{key} = {path}: nodes must be a list of tables, each with the key node.")
    return nodes


def _remembered(path: Path) -> dict[str, NodeFacts]:
    """What was learned before; a damaged file is logged and begun again, since agents tell it anew."""
    if not path.exists():
        return {}
    try:
        return _all_facts(_read_list(path, "state"), str(path))
    except ConfigError as error:
        logger.warning("collector pacemaker: remembered facts are ignored: %s", error)
        return {}
