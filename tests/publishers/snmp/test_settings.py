"""Settings that are refused, and what the message says."""

from __future__ import annotations

import pytest

from gateway.model.errors import ConfigError
from gateway.publishers.snmp import SnmpSettings
from gateway.publishers.snmp.access import usm_users
from gateway.schema.snmp.credentials import V3Credentials
from gateway.schema.snmp.keys import LocalizedKeys
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
        ({"users": {"u": {"auth": "SHA-256"}}}, "auth and auth_password (or keys) belong together"),
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


@pytest.mark.parametrize("community", [b"public", b"private", b""])
def test_no_community_is_known_by_default(community):
    publisher = running.make(running.Holder(estate.snapshot(10)), {"listen": ["127.0.0.1:0"], "name": "x"})
    assert Asker(publisher, community).ask(PduType.GET, SYS_NAME) is None
    assert publisher.counters.bad_community_names == 1


def test_keys_let_in_whom_the_passwords_let_in_and_only_at_the_engine_that_they_were_made_for():
    given = running.USERS["authuser"]
    user = V3Credentials(**given).at("authuser", running.ENGINE_ID)
    table = {"auth": given["auth"], "priv": given["priv"], "keys": LocalizedKeys.of(user).text()}
    settings = SnmpSettings.model_validate({"users": {"authuser": table}})
    assert usm_users(settings, running.ENGINE_ID) == (user,)
    with pytest.raises(ConfigError) as failure:
        usm_users(settings, b"another-engine")
    said = str(failure.value)
    assert said.startswith(
        "publishers.snmp.users.authuser: the keys (keys_file or keys) were made for the engine 80007ed9"
    )
    assert said.endswith("Make them anew: gateway snmp user add authuser --force")
    assert user.auth_key.hex() not in said + repr(settings) + repr(settings.users["authuser"].credentials())


KEYS = "80007ed905:" + "ab" * 32 + ":" + "cd" * 16


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"auth": "SHA-256", "priv": "AES", "keys": "ab" * 32}, "must be ENGINE:KEY or ENGINE:KEY:KEY"),
        ({"auth": "SHA-256", "priv": "AES", "keys": "no:hexadecimal:digits"}, "must be ENGINE:KEY or ENGINE:KEY:KEY"),
        ({"keys": KEYS}, "keys without auth"),
        ({"auth": "SHA-512", "priv": "AES", "keys": KEYS}, "the localized SHA-512 key has a wrong length"),
        ({"auth": "SHA-256", "priv": "AES-256", "keys": KEYS}, "the localized AES-256 key has a wrong length"),
        ({"auth": "SHA-256", "keys": KEYS}, "there is a key for privacy, and no protocol"),
        ({"auth": "SHA-256", "priv": "AES", "keys": KEYS, "auth_password": "x" * 8}, "there are keys and a password"),
    ],
)
def test_keys_that_do_not_fit_are_refused_and_not_repeated(user, said):
    with pytest.raises(ValueError, match=r".") as failure:
        SnmpSettings.model_validate({"users": {"u": user}})
    assert said in str(failure.value)
    assert "ab" * 32 not in str(failure.value)
    assert "cd" * 16 not in str(failure.value)


ENTITY_NAME = "1.3.6.1.4.1.32473.7163.1.3.1.5"


def seen(include: list[str], exclude: list[str]) -> list[tuple[int, ...]]:
    """All that a community with this view walks."""
    views = {"part": {"include": include, "exclude": exclude}}
    communities = {"part": {"community": "part", "view": "part"}}
    made = running.make(running.Holder(estate.snapshot(5)), {"views": views, "communities": communities})
    return [varbind.oid for varbind in Asker(made, b"part").walk((1, 3))]


@pytest.mark.parametrize("oid", ["1.3.6.1.2.1.1.4", "1.3.6.1.2.1.1.4.0"], ids=["object", "instance"])
def test_a_view_may_name_a_scalar_by_its_object_or_its_instance(oid):
    contact = (1, 3, 6, 1, 2, 1, 1, 4, 0)
    assert seen([oid], []) == [contact]
    left = seen(["1.3.6.1.2.1.1"], [oid])
    assert SYS_NAME in left
    assert contact not in left


@pytest.mark.parametrize(
    ("include", "exclude", "said"),
    [
        ([ENTITY_NAME + ".3"], [], f"part.include: {ENTITY_NAME}.3 is a part of the column {ENTITY_NAME}, and"),
        (["1.3"], [ENTITY_NAME + ".3"], f"part.exclude: {ENTITY_NAME}.3 is a part of the column {ENTITY_NAME}, and"),
        (["1.3"], ["1.3.6.1.2.1.1.4.1"], "part of the object 1.3.6.1.2.1.1.4, and a view consists of whole objects"),
        (["1.3"], ["1.3.6.1.2.1.236.1.4.1.2.7"], "Write 1.3.6.1.2.1.236.1.4.1.2, or leave it out"),
    ],
    ids=["included row", "excluded row", "scalar", "in a context"],
)
def test_a_view_of_a_part_of_a_column_is_refused(include, exclude, said):
    with pytest.raises(ConfigError) as failure:
        seen(include, exclude)
    assert said in str(failure.value)
