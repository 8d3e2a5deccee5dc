"""Garbage in: a SourceError or IngestError that a person can read, and nothing else."""

import contextlib
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.collectors.pacemaker.alerts import alert_of
from gateway.collectors.pacemaker.cib import parse_cib
from gateway.collectors.pacemaker.hints import parse_hint
from gateway.collectors.pacemaker.mapping import to_observation
from gateway.collectors.pacemaker.parse import parse_crm_mon
from gateway.collectors.pacemaker.picture import Picture
from gateway.model.errors import IngestError, SourceError
from gateway.model.observations import Observation
from tests.collectors.pacemaker.given import AT, octets

VIEWS = [octets(name) for name in ("guests", "exhausted", "migrating", "without-quorum")]
CIBS = [octets("guests-cib"), octets("fencing-cib")]
JUNK = [b"", b"true", b"-1", b"99999999999999999999", b"\xc2\xb2", b"INFINITY", b"a:1", b"&amp;", b"<x/>", b'"', b">"]
slow = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn, documents: list[bytes]) -> bytes:
    """A real document, of which words were replaced, cut out or repeated."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(document)))
        end = min(len(document), start + draw(st.integers(0, 60)))
        document = document[:start] + draw(st.sampled_from([*JUNK, document[start:end] * 2])) + document[end:]
    return document


@st.composite
def revalued(draw: st.DrawFn, documents: list[bytes]) -> bytes:
    """A real document that stays XML, of which values of attributes were replaced by others of its own."""
    parts = draw(st.sampled_from(documents)).split(b'"')
    for _ in range(draw(st.integers(1, 40))):
        where = 2 * draw(st.integers(0, (len(parts) - 2) // 2)) + 1
        other = 2 * draw(st.integers(0, (len(parts) - 2) // 2)) + 1
        parts[where] = draw(st.sampled_from([parts[other], b"", b"true", b"-7", b"99999999999999", b"n1"]))
    return b'"'.join(parts)


@given(st.binary(max_size=400))
def test_any_octets(document):
    for parse in (parse_crm_mon, parse_cib):
        with contextlib.suppress(SourceError):
            parse(document)
    with contextlib.suppress(IngestError):
        parse_hint(document)


@slow
@given(mutated(VIEWS), mutated(CIBS))
def test_damaged_documents(view, cib):
    with contextlib.suppress(SourceError):
        parse_cib(cib)
    with contextlib.suppress(SourceError):
        to_observation(Picture("fuzz", AT, parse_crm_mon(view)))


@slow
@given(revalued(VIEWS), revalued(CIBS))
def test_documents_that_are_well_formed_and_make_no_sense_are_mapped_or_refused(view, cib):
    with contextlib.suppress(SourceError):
        seen = to_observation(Picture("fuzz", AT, parse_crm_mon(view), parse_cib(cib)))
        assert isinstance(seen, Observation)
        assert len({(r.kind, r.upper, r.lower, r.role) for r in seen.relations}) == len(seen.relations)
        assert len({one.key for one in seen.entities}) == len(seen.entities)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
alert_keys = st.sampled_from(
    ["kind", "node", "desc", "rc", "target_rc", "status", "task", "rsc", "timestamp_epoch", "timestamp_usec"]
)
alert_values = st.sampled_from(["resource", "fencing", "node", "attribute", "1", "٣", "-1", "Operation x of y by z"])


@given(st.dictionaries(alert_keys.map("CRM_alert_".__add__), alert_values | json_values, max_size=8) | json_values)
def test_any_alert(document):
    with contextlib.suppress(IngestError):
        alert_of(document, "alerts[0]")


@given(
    st.dictionaries(
        st.sampled_from(["node", "machine_id", "smbios_uuid", "macs", "addresses", "domains"]), json_values, max_size=5
    )
)
def test_any_facts(document):
    with contextlib.suppress(IngestError):
        parse_hint(json.dumps({"facts": document}).encode())
