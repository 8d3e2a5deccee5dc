"""Settings that are refused, and what the message says."""

from __future__ import annotations

import pytest

from gateway.publishers.snmp import SnmpSettings
from gateway.wire.pdu import PduType
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import SYS_NAME, Asker

OPEN = ["0.0.0.0:1161"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"listen": OPEN}, "nobody is configured who may ask"),
        (
            {"listen": OPEN, "communities": {"a": {"community": "public"}}},
            "communities.a is a community that everybody",
        ),
        ({"listen": ["127.0.0.256:161"]}, "is no IP address"),
        ({"listen": ["127.0.0.1"]}, "must be ADDRESS:PORT"),
        ({"listen": ["::1:161"]}, "needs brackets"),
        ({"communities": {"a": {"community": "x", "view": "none"}}}, "is no view. Known: all"),
        ({"communities": {"a": {"community": "x"}, "b": {"community": "x"}}}, "two communities are the same"),
        ({"communities": {"a": {"community": "x", "allow": ["10.0.0.0/40"]}}}, "10.0.0.0/40"),
        ({"users": {"u": {"auth": "MD5", "auth_password": "longenough"}}}, "MD5 is weak"),
        ({"users": {"u": {"auth": "SHA-256"}}}, "auth and auth_password belong together"),
        ({"users": {"u": {"priv": "AES"}}}, "priv needs auth"),
        ({"users": {"u" * 33: {}}}, "a name of 1 to 32 octets, this one has 33"),
        ({"views": {"v": {"include": ["system"]}}}, "no numeric OID"),
        ({"max_message_size": 100}, "484"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(given, said):
    with pytest.raises(ValueError, match=r".") as failure:
        SnmpSettings.model_validate(given)
    assert said in str(failure.value)


def test_another_community_may_be_reachable_from_outside():
    assert SnmpSettings.model_validate({"listen": OPEN, "communities": {"a": {"community": "kT9-wq"}}})


def test_a_community_may_come_from_a_file_or_the_environment(tmp_path, monkeypatch):
    secret = tmp_path / "community"
    secret.write_text("from-a-file\n")
    secret.chmod(0o600)
    monkeypatch.setenv("COMMUNITY", "from-the-environment")
    made = SnmpSettings.model_validate(
        {"communities": {"a": {"community_file": str(secret)}, "b": {"community": "env:COMMUNITY"}}}
    )
    assert [made.communities[each].community.get_secret_value() for each in "ab"] == [
        "from-a-file",
        "from-the-environment",
    ]


def test_without_settings_public_may_ask_from_this_machine_only():
    publisher = running.make(running.Holder(estate.snapshot(10)), {"listen": ["127.0.0.1:0"], "name": "x"})
    assert Asker(publisher).get(SYS_NAME)
    assert Asker(publisher, source="192.0.2.1").ask(PduType.GET, SYS_NAME) is None
