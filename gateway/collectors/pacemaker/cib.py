"""From the octets of `cibadmin -Q` to what matters: options, meta attributes, constraints, fencing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.collectors.pacemaker.parse import errors_of, score
from gateway.collectors.pacemaker.xml import Element, flag, read_xml, required
from gateway.model.errors import SourceMalformed, SourceUnavailable

WHAT = "the output of cibadmin"
_CONTAINERS = ("group", "clone", "master", "bundle")
_BUNDLE_TYPES = ("docker", "podman", "rkt")
PARAMETERS = frozenset(
    {"config", "hypervisor", "migration_transport", "xmfile", "name", "container", "device", "directory", "fstype"}
    | {"ip", "nic", "cidr_netmask", "vgname", "volgrpname", "lvname", "drbd_resource", "server", "remote-addr"}
    | {"pcmk_host_list", "pcmk_host_map", "pcmk_host_check", "pcmk_host_argument", "plug", "port"}
)
"""Instance attributes that are read. No other is kept: they may hold passwords."""
_MAX_NAMED = 64
"""How many resources one constraint may name by sets before only the first are followed."""


@dataclass(frozen=True, slots=True)
class CibResource:
    """
    One configured resource. `kind`: primitive, group, clone, bundle. `meta` and `parameters`: what is set on it or
    by its template, without what depends on a rule. `container`: attributes of a bundle's container element.
    """

    id: str
    kind: str
    agent: str = ""
    parent: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeTest:
    """One simple expression of a location rule: an attribute of the node compared with a value."""

    attribute: str
    operation: str
    value: str


@dataclass(frozen=True, slots=True)
class CibLocation:
    """
    One rsc_location for one resource. Either `node`, or the tests of a rule (all of them, or any when `any_of`).
    `tests` None: a rule that we do not judge. `role`: the only role it is about, empty for all.
    """

    id: str
    resource: str
    score: int
    node: str = ""
    tests: tuple[NodeTest, ...] | None = ()
    any_of: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class CibBond:
    """A colocation (`upper` with `lower`) or an order (`upper` after `lower`). Orders: score INFINITY = mandatory."""

    id: str
    upper: str
    lower: str
    score: int
    order: bool


@dataclass(frozen=True, slots=True)
class CibTicketBond:
    """One rsc_ticket: the resource (in `role`, empty for any) needs the ticket."""

    resource: str
    ticket: str
    role: str


@dataclass(frozen=True, slots=True)
class CibLevel:
    """One fencing-level: devices for a target node. `target` empty: chosen by pattern or attribute."""

    target: str
    index: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cib:
    """The CIB as far as it is read. `version`: (admin_epoch, epoch, num_updates)."""

    version: tuple[int, int, int]
    options: Mapping[str, str]
    resources: Mapping[str, CibResource]
    defaults: Mapping[str, str] = field(default_factory=dict)
    locations: tuple[CibLocation, ...] = ()
    bonds: tuple[CibBond, ...] = ()
    tickets: tuple[CibTicketBond, ...] = ()
    levels: tuple[CibLevel, ...] = ()
    alerts: tuple[str, ...] = ()
    node_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    migrations: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(resource, node that ran migrate_from) -> node it came from."""

    @property
    def cluster_name(self) -> str:
        return self.options.get("cluster-name", "")

    def lineage(self, resource: str) -> Iterator[CibResource]:
        """The resource and its parents, from the inside out."""
        seen: set[str] = set()
        while resource and resource not in seen and (found := self.resources.get(resource)) is not None:
            seen.add(resource)
            yield found
            resource = found.parent

    def meta(self, resource: str, name: str) -> str | None:
        """A meta attribute that holds for a resource: its own, its template's, its parents', else the default."""
        for one in self.lineage(resource):
            if name in one.meta:
                return one.meta[name]
        return self.defaults.get(name)


def parse_cib(document: bytes) -> Cib:
    """
    Read a CIB.

    Raises:
        SourceUnavailable: the tool says that it could not read the CIB.
        SourceMalformed: this is no CIB.
    """
    root = read_xml(document, WHAT)
    if root.tag == "pacemaker-result":
        inner = root.find(".//cib")
        if inner is None:
            raise SourceUnavailable(f"cibadmin gave no CIB: {errors_of(root) or 'it does not say why'}.")
        root = inner
    configuration = root.find("configuration")
    if root.tag != "cib" or configuration is None:
        raise SourceMalformed(f"{WHAT} is no CIB: it begins with <{root.tag}> or has no <configuration>.")
    return _cib(root, configuration)


def _cib(root: Element, configuration: Element) -> Cib:
    by_id = _index(configuration)
    tags = {
        tag.get("id", ""): tuple(ref.get("id", "") for ref in tag.findall("obj_ref"))
        for tag in configuration.iterfind("tags/tag")
    }
    constraints = configuration.find("constraints")
    rules = list(constraints) if constraints is not None else []
    return Cib(
        version=(_number(root, "admin_epoch"), _number(root, "epoch"), _number(root, "num_updates")),
        options=_options(configuration),
        resources=dict(_resources(configuration.find("resources"), by_id)),
        defaults=_set_values(configuration.findall("rsc_defaults/meta_attributes"), by_id),
        locations=tuple(one for rule in rules if rule.tag == "rsc_location" for one in _locations(rule, tags, by_id)),
        bonds=tuple(one for rule in rules for one in _bonds(rule, tags)),
        tickets=tuple(one for rule in rules if rule.tag == "rsc_ticket" for one in _tickets(rule, tags)),
        levels=tuple(_levels(configuration)),
        alerts=tuple(alert.get("path", "") for alert in configuration.iterfind("alerts/alert")),
        node_attributes=_node_attributes(root, configuration),
        migrations=dict(_migrations(root)),
    )


def _index(configuration: Element) -> Mapping[str, Element]:
    """Elements by id, for id-ref and templates."""
    return {e.attrib["id"]: e for e in configuration.iter() if "id" in e.attrib and e.tag != "obj_ref"}


def _number(element: Element, name: str) -> int:
    text = element.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _options(configuration: Element) -> Mapping[str, str]:
    """Cluster options. The set `cib-bootstrap-options` comes first; elsewhere the first one wins."""
    sets = configuration.findall("crm_config/cluster_property_set")
    sets.sort(key=lambda one: one.get("id") != "cib-bootstrap-options")
    return _set_values(sets, {})


def _set_values(sets: Iterable[Element], by_id: Mapping[str, Element]) -> dict[str, str]:
    """Name-value pairs of sets without a rule; of two with the same name that of the higher score, then the first."""
    resolved = [by_id.get(one.get("id-ref", ""), one) for one in sets]
    plain = [one for one in resolved if one.find("rule") is None]
    plain.sort(key=lambda one: -score(one.get("score", "0")))
    values: dict[str, str] = {}
    for one in plain:
        for pair in one.findall("nvpair"):
            pair = by_id.get(pair.get("id-ref", ""), pair)
            if pair.get("name") and pair.get("value") is not None:
                values.setdefault(pair.attrib["name"], pair.attrib["value"])
    return values


def _resources(
    parent: Element | None, by_id: Mapping[str, Element], owner: str = ""
) -> Iterator[tuple[str, CibResource]]:
    for element in parent if parent is not None else ():
        if element.tag != "primitive" and element.tag not in _CONTAINERS:
            continue
        resource = _resource(element, by_id, owner)
        yield resource.id, resource
        if element.tag != "primitive":
            yield from _resources(element, by_id, resource.id)


def _resource(element: Element, by_id: Mapping[str, Element], owner: str) -> CibResource:
    template = by_id.get(element.get("template", ""))
    meta = _set_values(element.findall("meta_attributes"), by_id)
    parameters = _set_values(element.findall("instance_attributes"), by_id)
    if template is not None:
        meta = _set_values(template.findall("meta_attributes"), by_id) | meta
        parameters = _set_values(template.findall("instance_attributes"), by_id) | parameters
    if element.tag == "master":  # the way of writing a promotable clone before 2.0
        meta.setdefault("promotable", "true")
    container = next((child for child in element if child.tag in _BUNDLE_TYPES), None)
    return CibResource(
        id=required(element, "id", WHAT),
        kind="clone" if element.tag == "master" else element.tag,
        agent=_agent(element if template is None or element.get("class") else template),
        parent=owner,
        meta=meta,
        parameters={name: value for name, value in parameters.items() if name in PARAMETERS},
        container=dict(container.attrib) if container is not None and element.tag == "bundle" else {},
    )


def _agent(element: Element) -> str:
    parts = (element.get("class"), element.get("provider"), element.get("type"))
    return ":".join(part for part in parts if part)


def _named(resource: str, tags: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The resources that a constraint means by a name, which may be that of a tag."""
    return tags.get(resource, (resource,)) if resource else ()


def _set_resources(one: Element, tags: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(r for ref in one.findall("resource_ref") for r in _named(ref.get("id", ""), tags))[:_MAX_NAMED]


def _locations(
    rule: Element, tags: Mapping[str, tuple[str, ...]], by_id: Mapping[str, Element]
) -> Iterator[CibLocation]:
    resources = [*_named(rule.get("rsc", ""), tags)]
    resources += [r for one in rule.findall("resource_set") for r in _set_resources(one, tags)]
    name, role = required(rule, "id", WHAT), rule.get("role", "").lower()
    rules = [by_id.get(inner.get("id-ref", ""), inner) for inner in rule.findall("rule")]
    for resource in resources:
        if rule.get("node"):
            yield CibLocation(name, resource, score(rule.get("score", "0")), node=rule.attrib["node"], role=role)
        for inner in rules:
            yield _location_rule(name, resource, inner, role)


def _location_rule(name: str, resource: str, rule: Element, role: str) -> CibLocation:
    tests = _tests(rule)
    any_of = rule.get("boolean-op", "and") == "or"
    named = [t.value for t in tests or () if t.attribute == "#uname" and t.operation == "eq"]
    single = len(named) == 1 and (not any_of or len(tests or ()) == 1)
    return CibLocation(
        id=name,
        resource=resource,
        score=score(rule.get("score", "0")) if rule.get("score-attribute") is None else 0,
        node=named[0] if single and tests is not None and len(tests) == 1 else "",
        tests=tests,
        any_of=any_of,
        role=(rule.get("role") or role).lower(),
    )


def _tests(rule: Element) -> tuple[NodeTest, ...] | None:
    """
    The expressions of a rule; None when it has something that we do not judge.

    A date_expression beside them (crm_resource --lifetime) is taken as in force: an expired constraint is only
    ever cleared away by a person, and the cluster's own view of bans decides in doubt.
    """
    tests = []
    for child in rule:
        if child.tag == "date_expression":
            continue
        if child.tag != "expression" or child.get("value-source", "literal") != "literal":
            return None
        tests.append(NodeTest(child.get("attribute", ""), child.get("operation", ""), child.get("value", "")))
    return tuple(tests)


def _bonds(rule: Element, tags: Mapping[str, tuple[str, ...]]) -> Iterator[CibBond]:
    if rule.tag == "rsc_colocation":
        yield from _colocations(rule, tags)
    elif rule.tag == "rsc_order":
        yield from _orders(rule, tags)


def _colocations(rule: Element, tags: Mapping[str, tuple[str, ...]]) -> Iterator[CibBond]:
    name, weight = required(rule, "id", WHAT), score(rule.get("score", "INFINITY"))
    for upper in _named(rule.get("rsc", ""), tags):
        for lower in _named(rule.get("with-rsc", ""), tags):
            yield CibBond(name, upper, lower, weight, order=False)
    sets = rule.findall("resource_set")
    for one in sets:
        members = _set_resources(one, tags)
        if flag(one.get("sequential"), default=True):
            for lower, upper in pairwise(members):
                yield CibBond(name, upper, lower, weight, order=False)
    for first, then in pairwise(sets):
        for upper in _set_resources(first, tags):
            for lower in _set_resources(then, tags):
                yield CibBond(name, upper, lower, weight, order=False)


def _orders(rule: Element, tags: Mapping[str, tuple[str, ...]]) -> Iterator[CibBond]:
    name, weight = required(rule, "id", WHAT), _order_score(rule)
    for lower in _named(rule.get("first", ""), tags):
        for upper in _named(rule.get("then", ""), tags):
            yield CibBond(name, upper, lower, weight, order=True)
    sets = rule.findall("resource_set")
    for one in sets:
        members = _set_resources(one, tags)
        if flag(one.get("sequential"), default=True):
            for lower, upper in pairwise(members):
                yield CibBond(name, upper, lower, weight, order=True)
    for first, then in pairwise(sets):
        for lower in _set_resources(first, tags):
            for upper in _set_resources(then, tags):
                yield CibBond(name, upper, lower, weight, order=True)


def _order_score(rule: Element) -> int:
    """INFINITY for a mandatory order, 0 for one that is only advice (kind Optional or Serialize, or score 0)."""
    kind = rule.get("kind")
    if kind is not None:
        return score("INFINITY") if kind == "Mandatory" else 0
    return score(rule.get("score", "INFINITY"))


def _tickets(rule: Element, tags: Mapping[str, tuple[str, ...]]) -> Iterator[CibTicketBond]:
    ticket = rule.get("ticket", "")
    for resource in _named(rule.get("rsc", ""), tags):
        yield CibTicketBond(resource, ticket, rule.get("rsc-role", "").lower())
    for one in rule.findall("resource_set"):
        for resource in _set_resources(one, tags):
            yield CibTicketBond(resource, ticket, one.get("role", "").lower())


def _levels(configuration: Element) -> Iterator[CibLevel]:
    for level in configuration.iterfind("fencing-topology/fencing-level"):
        devices = tuple(device.strip() for device in level.get("devices", "").split(",") if device.strip())
        yield CibLevel(level.get("target", ""), level.get("index", ""), devices)


def _node_attributes(root: Element, configuration: Element) -> Mapping[str, Mapping[str, str]]:
    """Attributes of nodes by name: permanent ones, and those of this boot."""
    found: dict[str, dict[str, str]] = {}
    for node in configuration.iterfind("nodes/node"):
        name = node.get("uname") or node.get("id") or ""
        found[name] = _set_values(node.findall("instance_attributes"), {})
    for state in root.iterfind("status/node_state"):
        name = state.get("uname") or state.get("id") or ""
        found.setdefault(name, {}).update(_set_values(state.findall("transient_attributes/instance_attributes"), {}))
    return found


def _migrations(root: Element) -> Iterator[tuple[tuple[str, str], str]]:
    for state in root.iterfind("status/node_state"):
        for operation in state.iter("lrm_rsc_op"):
            if operation.get("operation") == "migrate_from" and operation.get("migrate_source"):
                resource = operation.get("operation_key", "").removesuffix("_migrate_from_0")
                yield (resource, state.get("uname", "")), operation.attrib["migrate_source"]
