"""Garbage in: a SourceError that a person can read, and nothing else; whatever can be read can be mapped."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.collectors.libvirt.fleet import Fleet
from gateway.collectors.libvirt.mapping import observe_host
from gateway.collectors.libvirt.memory import HostMemory
from gateway.collectors.libvirt.parse import domain_definition, host_facts, network, pool, volume
from gateway.collectors.libvirt.records import HostFacts, HostReading
from gateway.model.errors import SourceError, SourceMalformed
from gateway.model.observations import Observation
from tests.collectors.libvirt.given import captured, domain

slow = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
DOMAINS = [captured(name) for name in ("domain-running", "domain-passthrough", "domain-test")]
PARSERS: list[tuple[str, Callable[[str], object]]] = [
    ("domain-passthrough", domain_definition),
    ("capabilities", lambda xml: host_facts("h", "QEMU", xml, None, 1, 1, 1, 1)),
    ("sysinfo", lambda xml: host_facts("h", "QEMU", captured("capabilities-test"), xml, 1, 1, 1, 1)),
    ("pool-netfs", lambda xml: pool(xml, True, True)),
    ("volume", lambda xml: volume(xml, "p")),
    ("network-nat", lambda xml: network(xml, True, True)),
]
JUNK = ["", "true", "-1", "9" * 30, "\xb2", "\x00", "a:1", "&amp;", "<x/>", '"', "'", ">", "\ud800"]


@st.composite
def mutated(draw: st.DrawFn, documents: list[str]) -> str:
    """A real document, of which words were replaced, cut out or repeated."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(document)))
        end = min(len(document), start + draw(st.integers(0, 60)))
        document = document[:start] + draw(st.sampled_from([*JUNK, document[start:end] * 2])) + document[end:]
    return document


@st.composite
def revalued(draw: st.DrawFn, documents: list[str]) -> str:
    """A real document that stays XML, of which values of attributes were replaced by others of its own."""
    parts = draw(st.sampled_from(documents)).split("'")
    for _ in range(draw(st.integers(1, 40))):
        index = draw(st.integers(0, (len(parts) - 3) // 2)) * 2 + 1
        parts[index] = draw(st.sampled_from([*parts[1::2], "", "-1", "0x", "999999999999999999999"]))
    return "'".join(parts)


def observed(xml: str) -> Observation:
    reading = HostReading("h1", HostFacts("h1", "QEMU"), (domain(defined=domain_definition(xml)),))
    return observe_host("lab", 1, reading, HostMemory("h1"), Fleet())


@slow
@given(mutated(DOMAINS) | revalued(DOMAINS))
def test_whatever_a_domain_says_it_is_refused_or_mapped(xml):
    with contextlib.suppress(SourceError):
        observed(xml)


@slow
@given(st.data())
def test_every_document_is_read_or_refused(data):
    name, parse = data.draw(st.sampled_from(PARSERS))
    with contextlib.suppress(SourceError):
        parse(data.draw(mutated([captured(name)]) | st.text(max_size=200)))


@pytest.mark.parametrize(("name", "parse"), PARSERS, ids=[name for name, _ in PARSERS])
def test_a_document_of_another_kind_is_refused_by_name(name, parse):
    with pytest.raises(SourceMalformed, match="begins with <other>, not with <"):
        parse("<other/>")
    with pytest.raises(SourceMalformed, match="is no XML"):
        parse(" ")


BILLION = "<!DOCTYPE domain [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><domain type='kvm'><name>&b;</name></domain>"


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (BILLION, "it has a DOCTYPE"),
        ("<domain type='kvm'>" + "<a>" * 500 + "</a>" * 500 + "</domain>", "nested deeper"),
        ("<domain type='kvm'>" + "<a/>" * 200_001 + "</domain>", "more than 200000 elements"),
        ("<domain>" + " " * (8 << 20) + "</domain>", "characters; more than"),
        ("<domain><name>db-1</name></domain>", "the XML of domain db-1: <domain> has no type"),
        (
            "<domain type='kvm'><devices><disk><target/></disk></devices></domain>",
            "the <target> of a <disk> has no dev",
        ),
    ],
)
def test_what_is_refused_is_refused_in_words(xml, said):
    with pytest.raises(SourceMalformed, match=said):
        domain_definition(xml)
