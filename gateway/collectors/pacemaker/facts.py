"""What the node agent knows of its node and the cluster does not: keys that join the layers, how votes are counted."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.collectors.pacemaker.votes import Voting, voting_document, voting_of
from gateway.model.entities import Alias, KeyNamespace
from gateway.model.errors import IngestError

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_NO_ADDRESS = ("127.", "::1", "fe80:", "169.254.")
MAX_LIST = 256
MAX_TEXT = 255


@dataclass(frozen=True, slots=True)
class Domain:
    """A VM that a resource of the cluster starts. `config`: path of its definition on the node."""

    config: str
    name: str
    uuid: str


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Identity of one node, normalised (lower case); empty where it is not known."""

    node: str
    machine_id: str = ""
    smbios_uuid: str = ""
    host_name: str = ""
    macs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    domains: tuple[Domain, ...] = ()
    quorum: Voting | None = None
    """How the cluster counts votes; None: not known."""

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """The node's keys, strongest first."""
        single = (
            (KeyNamespace.SMBIOS_UUID, self.smbios_uuid),
            (KeyNamespace.MACHINE_ID, self.machine_id),
            (KeyNamespace.HOST_NAME, self.host_name),
        )
        many = [Alias(KeyNamespace.MAC, mac) for mac in self.macs]
        many += [Alias(KeyNamespace.IP_ADDRESS, address) for address in self.addresses]
        return tuple(sorted({*(Alias(space, value) for space, value in single if value), *many}))

    @property
    def known(self) -> bool:
        """There is something to identify the node by."""
        return bool(self.aliases)


def facts_of(document: Any, where: str) -> NodeFacts:
    """
    The facts of one node from JSON or TOML: `node`, and any of machine_id, smbios_uuid, host_name, macs, addresses,
    domains (each with config, name, uuid), quorum (as `voting_of`).

    Raises:
        IngestError: not of that form; `where` names its place.
    """
    if not isinstance(document, Mapping):
        raise IngestError(f"{where} is {type(document).__name__}, not a table with the key node.")
    unknown = sorted(set(document) - {"node", *_KEYS})
    if unknown:
        raise IngestError(f"{where} has the unknown key {unknown[0]!r}. Known keys: node, {', '.join(_KEYS)}.")
    node = _text(document, "node", where)
    if not node:
        raise IngestError(f"{where} has no node. Give the name of the node as the cluster writes it.")
    return NodeFacts(
        node=node,
        machine_id=_matching(document, "machine_id", _MACHINE_ID, where).replace("-", ""),
        smbios_uuid=_matching(document, "smbios_uuid", _UUID, where),
        host_name=_text(document, "host_name", where).lower().rstrip("."),
        macs=tuple(sorted(_each_matching(document, "macs", _MAC, where) - {"00:00:00:00:00:00"})),
        addresses=tuple(sorted(a for a in _texts(document, "addresses", where) if not a.startswith(_NO_ADDRESS))),
        domains=_domains(document, where),
        quorum=voting_of(document["quorum"], f"{where}.quorum") if document.get("quorum") is not None else None,
    )


_KEYS = ("machine_id", "smbios_uuid", "host_name", "macs", "addresses", "domains", "quorum")


def facts_document(facts: NodeFacts) -> dict[str, Any]:
    """What `facts_of` reads."""
    return {
        "node": facts.node,
        "machine_id": facts.machine_id,
        "smbios_uuid": facts.smbios_uuid,
        "host_name": facts.host_name,
        "macs": list(facts.macs),
        "addresses": list(facts.addresses),
        "domains": [{"config": d.config, "name": d.name, "uuid": d.uuid} for d in facts.domains],
        "quorum": voting_document(facts.quorum) if facts.quorum is not None else None,
    }


def dump_facts(all_facts: Iterable[NodeFacts]) -> str:
    """Facts of several nodes as the collector remembers them."""
    return json.dumps([facts_document(facts) for facts in sorted(all_facts, key=lambda f: f.node)], indent=1)


def _text(document: Mapping[str, Any], key: str, where: str) -> str:
    value = document.get(key, "")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise IngestError(f"{where}.{key} must be one line of text of at most {MAX_TEXT} characters.")
    return value.strip()


def _texts(document: Mapping[str, Any], key: str, where: str) -> set[str]:
    values = document.get(key) or []
    if not isinstance(values, list) or len(values) > MAX_LIST:
        raise IngestError(f"{where}.{key} must be a list of at most {MAX_LIST} texts.")
    return {_text({key: value}, key, where).lower() for value in values}


def _matching(document: Mapping[str, Any], key: str, form: re.Pattern[str], where: str) -> str:
    value = _text(document, key, where).lower()
    if value and not form.fullmatch(value.replace("-", "") if form is _MACHINE_ID else value):
        raise IngestError(f"{where}.{key} = {value!r} is not of the form {_FORMS[form]}.")
    return value


def _each_matching(document: Mapping[str, Any], key: str, form: re.Pattern[str], where: str) -> set[str]:
    return {_matching({key: value}, key, form, where) for value in _texts(document, key, where)} - {""}


_FORMS = {
    _UUID: "4c4c4544-0042-3510-8052-b4c04f4a4d32",
    _MAC: "52:54:00:12:34:56",
    _MACHINE_ID: "9f1c2d3e4b5a69788796a5b4c3d2e1f0",
}


def _domains(document: Mapping[str, Any], where: str) -> tuple[Domain, ...]:
    values = document.get("domains") or []
    if not isinstance(values, list) or len(values) > 4 * MAX_LIST:
        raise IngestError(f"{where}.domains must be a list of at most {4 * MAX_LIST} tables.")
    return tuple(_domain(value, f"{where}.domains[{number}]") for number, value in enumerate(values))


def _domain(value: Any, where: str) -> Domain:
    if not isinstance(value, Mapping):
        raise IngestError(f"{where} is {type(value).__name__}, not a table with config, name and uuid.")
    return Domain(_text(value, "config", where), _text(value, "name", where), _matching(value, "uuid", _UUID, where))
