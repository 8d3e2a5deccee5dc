"""Declared files: what they say, and that every error names line, column and key."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.collectors.declared.sections import SECTIONS
from gateway.collectors.declared.source import read_document
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.errors import SourceError, SourceMalformed
from gateway.model.observations import Link, Observation, Whole
from gateway.model.relations import RelationKind

DOCS = Path(__file__).parents[3] / "docs" / "declared.md"


def read(text: str) -> Observation:
    return read_document(text.encode(), "facts.yaml", "facts", 1_000_000)


def errors(text: str) -> list[str]:
    """The errors of a document, without the first line that counts them."""
    with pytest.raises(SourceMalformed) as raised:
        read(text)
    return [line.strip() for line in str(raised.value).splitlines()[1:]]


def example() -> str:
    (found,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def test_what_a_service_depends_on_is_no_member_of_it_even_when_it_is_named_as_one() -> None:
    services = "services: [{name: a}, {name: b}, {name: c, members: [a, b], depends_on: [b]}]\n"
    member = {r.lower.native: r.attributes.get("member") for r in read(services).relations}
    assert member == {"a": None, "b": False}


def test_the_example_of_the_documentation_is_understood_completely() -> None:
    observation = read(example())
    assert observation.covers == Whole()
    named = {(entity.key.kind.value, entity.name): entity for entity in observation.entities}
    assert {entity.state for entity in named.values()} == {EntityState.UNKNOWN}
    assert named["physical_host", "srv-1"].aliases == (
        Alias(KeyNamespace.SMBIOS_UUID, "4c4c4544-0042-3510-8052-b4c04f4d3132"),
        Alias(KeyNamespace.SERIAL, "B5Q9M12"),
        Alias(KeyNamespace.MAC, "b4:c0:4f:4d:31:32"),
        Alias(KeyNamespace.IP_ADDRESS, "192.0.2.11"),
    )
    said = {(r.kind.value, r.upper.native, r.lower.native, r.attributes.get("mode")) for r in observation.relations}
    assert said == {
        ("part_of", "r07", "north", None),
        ("part_of", "srv-1", "r07", None),
        ("part_of", "srv-2", "r07", None),
        ("runs_on", "kvm-2", "srv-2", None),
        ("runs_on", "web", "srv-1", None),
        ("runs_on", "db", "kvm-2", None),
        ("depends_on", "payment", "pacemaker-prod/ha_resource/svc-pay", None),
        ("depends_on", "shop", "pacemaker-prod/ha_resource/svc-a", None),
        ("depends_on", "shop", "web", None),
        ("depends_on", "shop", "payment", None),
        ("uses_storage", "web", "san-1", "RWO"),
        ("uses_storage", "kvm-2", "san-1", None),
        ("member_of", "db", "galera-shop", None),
        ("member_of", "web", "galera-shop", None),
    }
    assert named["service", "shop"].attributes == {
        "contact": "web team, +49 30 555 0199",
        "runbook": "https://wiki.example/shop",
        "redundancy": "any",
    }
    assert named["ha_node", "n1"].attributes["contact"] == "cluster team"
    assert Link("facts/ha_node/pacemaker-prod/ha_node/n1", "pacemaker-prod/ha_node/n1", True) in observation.links
    assert Link("facts/hypervisor/kvm-2", "libvirt-prod/hypervisor/kvm-2.example", True) in observation.links
    assert [link for link in observation.links or () if not link.same] == [
        Link("libvirt-prod/vm/5a8e0b1c-0000-4000-8000-000000000001", "vmware/vm/vm-4711", False)
    ]


def test_the_documentation_names_every_section() -> None:
    assert all(f"| `{section}` |" in DOCS.read_text(encoding="utf-8") for section in SECTIONS)


def test_every_error_is_told_at_once_with_its_place() -> None:
    assert errors(
        "vms:\n"
        "  - name: web\n"
        "    hots: srv-1\n"
        "    uuid: 1234\n"
        "  - macs: [52:54:00:12:34]\n"
        "racks:\n"
        "  - {name: r1, site: nroth}\n"
        "sites: [{name: north}]\n"
        "xyz: []\n"
    ) == [
        "facts.yaml:3:5: vms[0].hots: unknown key. Did you mean 'host'?",
        "facts.yaml:4:11: vms[0].uuid: '1234' is not a UUID like 4c4c4544-0042-3510-8052-b4c04f4d3132. Correct it.",
        "facts.yaml:5:5: vms[1]: name is missing. Add it.",
        "facts.yaml:7:22: racks[0].site: no site 'nroth' is declared. Did you mean 'north'?",
        "facts.yaml:9:1: xyz: unknown key. Known: apart, hypervisors, notes, physical_hosts, racks, "
        "redundancy_groups, same, services, sites, storage_pools, vms.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sites: [{name: a}]\nsites: [{name: b}]\n", "2:1: sites: is given twice"),
        ("sites: [{name: a, name: b}]\n", "1:19: sites[0].name: is given twice"),
        ("sites: [{name: a}, {name: a}]\n", "1:27: sites[1].name: site 'a' is declared in line 1 already"),
        ("vms: [{name: a, host: b}]\n", "1:23: vms[0].host: no hypervisor or physical_host 'b' is declared. Declare"),
        ("vms: {name: a}\n", "1:6: vms: must be a list, not a table of keys"),
        ("vms: [a]\n", "1:7: vms[0]: must be a table of keys, not a text"),
        ("vms: [{name: [a]}]\n", "1:14: vms[0].name: must be a text, not a list"),
        ("vms: [{name: }]\n", "1:13: vms[0].name: must be a text, not nothing"),
        ("sites: [{name: a/b}]\n", "must have no '/'"),
        ('sites: [{name: "a\\0b"}]\n', "has control characters"),
        (
            "services: [{name: a, redundancy: some}]\n",
            "1:34: services[0].redundancy: 'some' is unknown. Known: all, any.",
        ),
        ("services: [{name: a, depends_on: [a]}]\n", "'a' would depend on itself"),
        (
            "services: [{name: a, depends_on: [b]}, {name: b, depends_on: [c]}, {name: c, members: [service/a]}]\n",
            "closes a ring: a > b > c > a. Remove one of these.",
        ),
        ("services: [{name: a, members: [facts/vm/x]}]\n", "'facts' is this file itself. Write just the name."),
        (
            "services: [{name: a, members: [p/ha_resorce/x]}]\n",
            "no kind. Did you mean 'ha_resource'? Write SOURCE/KIND",
        ),
        ("vms: [{name: a, host: l/vm/x}]\n", "is a vm. Name a hypervisor or physical_host."),
        (
            "sites: [{name: a}]\nracks: [{name: a}]\nnotes: [{entity: a}]\n",
            "more than one thing. Write site/a or rack/a.",
        ),
        ("same: [[a/vm/b]]\n", "1:8: same[0]: must name two things, not 1"),
        ("same: [[a/vm/b, c/rack/d]]\n", "a rack and a vm cannot be one thing"),
        ("storage_pools: [{name: a, used_by: [{entity: x/vm/y, mode: RWY}]}]\n", "'RWY' is unknown. Did you mean"),
        ("a: &x [1]\nb: *x\n", "2:4: YAML aliases (*name) are not supported"),
        ("sites: [\n", "is no YAML"),
        ("--- 1\n--- 2\n", "is no YAML"),
        ("sites:\n\t- name: a\n", "2:1: is no YAML"),
        ("[" * 500, "1:13: is nested too deeply"),
        ('a: "\\UFFFFFFFF"\n', "escape sequence"),
        ("a: \x07\n", "1:1: has a character that YAML forbids"),
    ],
)
def test_an_error_says_where_and_what_to_do(text: str, message: str) -> None:
    assert message in " ".join(errors(text))


def test_bytes_that_are_no_text_are_said_to_be_none() -> None:
    with pytest.raises(SourceMalformed, match=r"facts\.yaml:2:1: is not UTF-8"):
        read_document(b"# \n\xff\n", "facts.yaml", "facts", 0)


def test_a_billion_laughs_is_refused_before_it_grows() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))
    assert "aliases" in errors("l0: &l0 [ha]\n" + levels)[0]


def test_texts_are_taken_as_they_are_written() -> None:
    written = "physical_hosts:\n  - {name: 007, serial: no, macs: [10:20:30:40:50:59, 5254.00AA.bbcc]}\n"
    (host,) = read(written).entities
    assert (host.name, [alias.value for alias in host.aliases]) == (
        "007", ["no", "10:20:30:40:50:59", "52:54:00:aa:bb:cc"],
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "# nothing\n", "sites:\n", "sites: []\n", "\ufeffsites: []\n"])
def test_an_empty_file_declares_nothing(text: str) -> None:
    assert read(text).entities == ()


WORDS = st.sampled_from(
    [*SECTIONS, "name", "host", "members", "same", "apart", "notes", "entity", "a", "x/vm/y", "vm/a"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*SECTIONS, "notes", "same", "apart"]), TREES))
@settings(max_examples=200, deadline=None)
def test_any_document_is_facts_or_an_error_with_a_place(tree: dict[str, object]) -> None:
    said = ""
    try:
        read(yaml.safe_dump(tree, allow_unicode=True))
    except SourceMalformed as error:
        said = str(error)
    assert not said or re.search(r"facts\.yaml:\d+:\d+: ", said)


@given(st.binary(max_size=200) | st.text(alphabet=" \n-:[]{}&*!|>'\"%@`#,?abc\\x0U~", max_size=80).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_facts_or_a_source_error(data: bytes) -> None:
    with suppress(SourceError):
        read_document(data, "facts.yaml", "facts", 0)


def test_a_reference_is_one_stand_in_however_often_it_is_named() -> None:
    observation = read(
        "services: [{name: a, members: [p/vm/x/y]}, {name: b, members: [p/vm/x/y]}]\n"
        "notes: [{entity: p/vm/x/y, contact: me}]\n"
    )
    (stand_in,) = [entity for entity in observation.entities if entity.key.kind is EntityKind.VM]
    assert (stand_in.key, stand_in.name) == (NativeKey(EntityKind.VM, "p/vm/x/y"), "x/y")
    assert stand_in.attributes == {"contact": "me"}
    assert [r.kind for r in observation.relations] == [RelationKind.DEPENDS_ON] * 2
