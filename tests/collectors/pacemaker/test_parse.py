"""crm_mon and cibadmin, 2.0 to 3.0: octets in, records or a clear error out."""

import contextlib
from pathlib import Path

import pytest

from gateway.collectors.pacemaker.cib import parse_cib
from gateway.collectors.pacemaker.parse import parse_crm_mon, score, split_op_key
from gateway.collectors.pacemaker.picture import base_id
from gateway.collectors.pacemaker.times import parse_time
from gateway.collectors.pacemaker.view import CrmClone, CrmGroup, CrmResource
from gateway.model.errors import SourceError, SourceMalformed, SourceUnavailable
from tests.collectors.pacemaker.given import CAPTURES, changed, octets

RECORDED = sorted((Path(__file__).parent / "recordings").glob("*/*.xml"))


def test_a_view_of_three_nodes():
    view = parse_crm_mon(octets("quiet"))
    assert [node.name for node in view.nodes] == ["n1", "n2", "n3"]
    assert view.dc_present
    assert view.quorate is True
    assert view.authoritative(needs_dc=True)
    service, *_, power = view.resources
    assert isinstance(service, CrmResource)
    assert (service.id, service.role, service.nodes) == ("svc-a", "started", ("n1",))
    assert isinstance(power, CrmResource)
    assert power.is_fencing


def test_groups_and_clones_keep_their_members():
    tops = {top.id: top for top in parse_crm_mon(octets("quiet")).resources}
    group, clone = tops["app"], tops["db-clone"]
    assert isinstance(group, CrmGroup)
    assert [member.id for member in group.members] == ["app-ip", "app-fs", "app-db"]
    assert isinstance(clone, CrmClone)
    assert clone.promotable


def test_roles_of_2_0_are_told_in_the_words_of_2_1():
    old = changed("quiet", ('role="Promoted"', 'role="Master"'), ('role="Unpromoted"', 'role="Slave"'))
    clone = next(top for top in parse_crm_mon(old).resources if top.id == "db-clone")
    assert isinstance(clone, CrmClone)
    assert {part.role for part in clone.instances if isinstance(part, CrmResource)} == {"promoted", "unpromoted"}


def test_unknown_elements_and_attributes_are_no_error():
    new = changed(
        "quiet",
        ('<resource id="svc-a"', '<resource description="a service" removed="false" id="svc-a"'),
        ("<nodes>", '<of-the-future x="1"/><nodes>'),
    )
    service = parse_crm_mon(new).resources[0]
    assert isinstance(service, CrmResource)
    assert service.more["description"] == "a service"


def test_attributes_that_older_versions_do_not_write_may_be_missing():
    old = changed("quiet", (' health="green"', ""), (' blocked="false"', ""), (' feature_set="3.16.1"', ""))
    assert len(parse_crm_mon(old).resources) == len(parse_crm_mon(octets("quiet")).resources)


@pytest.mark.parametrize(
    ("old", "element", "attribute"),
    [
        ('<node name="n1" id="1" online="true"', "node 'n1'", "online"),
        ('<resource id="svc-a" resource_agent="ocf:heartbeat:Dummy"', "resource 'svc-a'", "resource_agent"),
    ],
)
def test_a_missing_attribute_is_named_with_its_element(old, element, attribute):
    broken = changed("quiet", (old, old.rsplit(f" {attribute}=", 1)[0]))
    with pytest.raises(SourceMalformed, match=rf"<{element}> has no attribute '{attribute}'"):
        parse_crm_mon(broken)


def test_a_document_without_summary_is_a_failed_collection_and_tells_why():
    with pytest.raises(SourceUnavailable, match=r"no <summary>: Could not connect to the CIB: Protocol not supported"):
        parse_crm_mon(octets("newer-than-the-tool"))


def test_a_document_without_nodes_is_a_failed_collection():
    text = octets("quiet").decode()
    start, end = text.index("<nodes>"), text.index("</nodes>") + len("</nodes>")
    with pytest.raises(SourceUnavailable, match="no <nodes>"):
        parse_crm_mon((text[:start] + text[end:]).encode())


def test_a_document_that_leaves_out_the_configured_resources_is_a_failed_collection():
    text = octets("quiet").decode()
    start, end = text.index("<resources>"), text.index("</resources>") + len("</resources>")
    with pytest.raises(SourceUnavailable, match="no <resources>, though 13 are configured"):
        parse_crm_mon((text[:start] + text[end:]).encode())


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><pacemaker-result><summary/><nodes/></pacemaker-result>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><pacemaker-result/>',
    ],
)
def test_a_doctype_is_refused(document):
    with pytest.raises(SourceMalformed, match="DOCTYPE"):
        parse_crm_mon(document)


def test_bottomless_nesting_is_refused():
    with pytest.raises(SourceMalformed, match="nested deeper"):
        parse_crm_mon(b"<pacemaker-result>" + b"<a>" * 1000)


@pytest.mark.parametrize("document", [b"", b"Connection refused", b"<html/>", b"\xff\xfe", b"<crm_mon"])
def test_other_things_are_no_view(document):
    with pytest.raises(SourceMalformed):
        parse_crm_mon(document)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21 01:58:35Z", 1_795_226_315),
        ("2026-11-21 03:58:35 +02:00", 1_795_226_315),
        ("Sat Nov 21 01:58:35 2026", 1_795_226_315),
        ("Sun Nov  1 01:58:35 2026", 1_793_498_315),
        ("1795226315", 1_795_226_315),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text, seconds):
    assert parse_time(text) == seconds * 1_000_000


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-13-41 01:58:35Z", "Sat Foo 21 01:58:35 2026"])
def test_what_is_no_time_is_none(text):
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("svc-a_asyncmon_0", ("svc-a", "asyncmon", 0)),
        ("my_rsc_monitor_10000", ("my_rsc", "monitor", 10_000)),
        ("vm-1_migrate_to_0", ("vm-1", "migrate_to", 0)),
        ("vm_1_migrate_from_0", ("vm_1", "migrate_from", 0)),
        ("nonsense", ("nonsense", "", 0)),
    ],
)
def test_operation_keys_are_taken_apart(key, parts):
    assert split_op_key(key) == parts


def test_scores_know_infinity():
    assert [score(text) for text in ("INFINITY", "-INFINITY", "+INFINITY", "7", "9999999", "x")] == [
        1_000_000,
        -1_000_000,
        1_000_000,
        7,
        1_000_000,
        0,
    ]


def test_only_a_number_behind_the_colon_is_an_instance():
    assert [base_id(name) for name in ("db:0", "db", "a:b", ":1")] == ["db", "db", "a:b", ":1"]


def test_a_cib_tells_name_options_and_meta_attributes():
    cib = parse_cib(octets("fencing-cib"))
    assert cib.cluster_name == "halab"
    assert cib.options["stonith-max-attempts"] == "3"
    assert cib.meta("svc-b", "migration-threshold") == "1"


def test_meta_attributes_come_from_template_parents_and_defaults():
    cib = parse_cib(octets("guests-cib"))
    assert cib.resources["vm-guest"].agent == "ocf:heartbeat:VirtualDomain"
    assert cib.meta("vm-guest", "allow-migrate") == "true"
    assert cib.meta("store-fs", "migration-threshold") == "3"
    assert cib.resources["store-fs"].parent == "store"


def test_passwords_of_fence_devices_are_never_kept():
    document = octets("guests-cib")
    assert b"hunter2" in document
    assert "hunter2" not in repr(parse_cib(document))


def test_a_failed_cibadmin_is_not_an_empty_cib():
    with pytest.raises(SourceMalformed, match="no CIB"):
        parse_cib(b"<cib/>")
    with pytest.raises(SourceUnavailable, match="Not connected"):
        parse_cib(b'<pacemaker-result><status code="102" message="Not connected"/></pacemaker-result>')


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.xml")) + RECORDED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_captured_document_is_read_or_refused_clearly(path):
    parse = parse_cib if "cib" in path.stem else parse_crm_mon
    document = path.read_bytes()
    failed = parse is parse_crm_mon and not (b"<summary>" in document and b"<nodes>" in document)
    with pytest.raises(SourceError) if failed else contextlib.nullcontext():
        parse(document)
