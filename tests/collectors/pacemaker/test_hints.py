"""What agents post, what settings give, and what is remembered of it."""

import json
import stat

import pytest

from gateway.collectors.pacemaker.alerts import alert_of
from gateway.collectors.pacemaker.facts import NodeFacts, facts_of
from gateway.collectors.pacemaker.hints import MAX_ALERTS, Hint, parse_hint
from gateway.collectors.pacemaker.identity import Identities, facts_path, given_facts
from gateway.model.entities import Alias, KeyNamespace
from gateway.model.errors import ConfigError, IngestError

UUID = "4c4c4544-0042-3510-8052-b4c04f4a4d32"
STARTED = {
    "CRM_alert_kind": "resource",
    "CRM_alert_node": "n2",
    "CRM_alert_rsc": "svc-a",
    "CRM_alert_task": "start",
    "CRM_alert_rc": "1",
    "CRM_alert_target_rc": "0",
    "CRM_alert_status": "0",
    "CRM_alert_timestamp_epoch": "1795226315",
    "CRM_alert_timestamp_usec": "250000",
}
FENCED = {
    "CRM_alert_kind": "fencing",
    "CRM_alert_node": "n1",
    "CRM_alert_rc": "0",
    "CRM_alert_desc": "Operation reboot of n1 by n3 for pacemaker-controld.45@n3: OK (ref=8ea21308-79ad-460e)",
}


def hint(**document: object) -> Hint:
    return parse_hint(json.dumps(document).encode())


def test_an_alert_tells_what_failed_where_and_when():
    (alert,) = hint(alerts=[STARTED]).alerts
    assert (alert.resource, alert.node, alert.task, alert.succeeded) == ("svc-a", "n2", "start", False)
    assert alert.at == 1_795_226_315_250_000


def test_a_fencing_is_known_by_its_reference_and_its_target():
    (alert,) = hint(alerts=[FENCED]).alerts
    assert (alert.node, alert.task, alert.succeeded, alert.identity) == ("n1", "reboot", True, "8ea21308-79ad-460e")


def test_what_no_database_can_hold_is_replaced():
    document = {"kind": "resource", "node": "n\x001", "rsc": "svc\ud800", "desc": "\x00"}
    alert = alert_of(document, "alerts[0]")
    assert alert is not None
    assert (alert.node, alert.resource, alert.text) == ("n\ufffd1", "svc\ufffd", "\ufffd")


def test_attributes_and_cancelled_operations_say_nothing():
    noise = [{"CRM_alert_kind": "attribute"}, {**STARTED, "CRM_alert_status": "1"}, {"CRM_alert_kind": "new"}, {}]
    assert hint(alerts=noise).alerts == ()


def test_an_empty_document_is_a_reason_to_look():
    assert hint().alerts == ()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"not json", "no JSON"),
        (b"[]", "not an object"),
        (b'{"alerts": {}}', "alerts must be a list"),
        (json.dumps({"alerts": [{}] * (MAX_ALERTS + 1)}).encode(), "at most"),
        (b'{"alerts": ["x"]}', r"alerts\[0\] is str"),
        (b'{"facts": {"smbios_uuid": "x"}}', "facts has no node"),
        (b'{"facts": {"node": "n1", "smbios_uuid": "x"}}', r"facts.smbios_uuid = 'x' is not of the form"),
        (b'{"facts": {"node": "n1", "nickname": "x"}}', "unknown key 'nickname'"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_other_documents_are_refused_with_the_place_of_the_mistake(document, message):
    with pytest.raises(IngestError, match=message):
        parse_hint(document)


@pytest.mark.parametrize(
    ("facts", "taken"),
    [
        ({"node": "n1", "host_name": "one", "quorum": {"device_votes": 2**32}}, NodeFacts("n1", host_name="one")),
        ({"node": "n1", "host_name": "one", "quorum": {"later": 1}}, NodeFacts("n1", host_name="one")),
        ({"node": "n1", "macs": ["52:54"], "quorum": []}, None),
        ({"node": "n1", "macs": ["52:54"]}, None),
        (7, None),
    ],
)
def test_wrong_facts_take_no_alert_along(facts: object, taken: NodeFacts | None):
    found = hint(alerts=[STARTED], facts=facts)
    assert [alert.resource for alert in found.alerts] == ["svc-a"]
    assert found.facts == taken
    assert found.refused.startswith("facts")


def test_wrong_rules_of_quorum_keep_no_node_from_being_known():
    found = hint(facts={"node": "n1", "host_name": "one", "quorum": {"two_node": 1}})
    assert found.facts == NodeFacts("n1", host_name="one")
    assert found.refused == "facts.quorum.two_node must be true or false."


def test_facts_are_normalised_and_addresses_of_one_machine_only_are_no_key():
    facts = facts_of(
        {
            "node": "n1",
            "smbios_uuid": UUID.upper(),
            "macs": ["52:54:00:AA:BB:01", "00:00:00:00:00:00"],
            "addresses": ["192.0.2.1", "127.0.0.1", "fe80::1"],
            "host_name": "N1.Example.COM.",
        },
        "facts",
    )
    assert facts.aliases == (
        Alias(KeyNamespace.HOST_NAME, "n1.example.com"),
        Alias(KeyNamespace.IP_ADDRESS, "192.0.2.1"),
        Alias(KeyNamespace.MAC, "52:54:00:aa:bb:01"),
        Alias(KeyNamespace.SMBIOS_UUID, UUID),
    )


def test_pushed_facts_survive_a_restart(tmp_path):
    path = facts_path(tmp_path, "a/b")
    first = Identities(path, {})
    first.learn(NodeFacts("n1", smbios_uuid=UUID))
    assert first.unsaved
    first.save()
    assert not first.unsaved
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Identities(path, {}).by_node == {"n1": NodeFacts("n1", smbios_uuid=UUID)}


def test_a_damaged_memory_is_begun_again(tmp_path):
    path = facts_path(tmp_path, "lab")
    path.write_text("{")
    assert Identities(path, {}).by_node == {}


def test_given_facts_win_over_pushed_ones(tmp_path):
    given = given_facts(({"node": "n1", "smbios_uuid": UUID},), None, "lab")
    identities = Identities(facts_path(tmp_path, "lab"), given)
    identities.learn(NodeFacts("n1", host_name="other"))
    assert identities.by_node["n1"].smbios_uuid == UUID


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("identity.json", json.dumps({"nodes": [{"node": "n1", "smbios_uuid": UUID}]})),
        ("identity.json", json.dumps([{"node": "n1", "smbios_uuid": UUID}])),
        ("identity.toml", f'[[nodes]]\nnode = "n1"\nsmbios_uuid = "{UUID}"\n'),
    ],
)
def test_an_identity_file_is_json_or_toml(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert given_facts((), tmp_path / name, "lab")["n1"].smbios_uuid == UUID


def test_mistakes_in_an_identity_file_name_the_file(tmp_path):
    with pytest.raises(ConfigError, match=r"sources\.lab\.identity_file = .*missing\.json cannot be read"):
        given_facts((), tmp_path / "missing.json", "lab")
    (tmp_path / "bad.json").write_text('[{"node": "n1", "macs": ["x"]}]')
    with pytest.raises(ConfigError, match=r"bad\.json\[0\]\.macs = 'x'"):
        given_facts((), tmp_path / "bad.json", "lab")
