"""What `gateway check` says of a wrong configuration: each error at its own key, with the remedy of that key."""

from pathlib import Path

import pytest

from gateway.app.settings_classes import load_configuration
from gateway.model.errors import ConfigError

WRONG = """
[publishers.snmp]
listen = ["0.0.0.0:99999"]

[publishers.snmp.users.noc]
auth = "SHA-256"
auth_password = "long-enough"
priv = "DES"
view = 5

[publishers.snmp.users.ops]
auth = "MD5"
auth_password = "short"
vieuw = "all"

[publishers.snmp.communities.a]
community_file = "missing"
allow = ["10.0.0.0/40"]

[receivers.r]
kind = "snmp"
host = "noc"
version = "3"
user = "u"
auth = "MD5"
auth_password = "long-enough"
port = 0
"""


def errors(folder: Path, text: str) -> list[str]:
    path = folder / "gateway.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_configuration(path, {})
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_each_error_stands_at_its_key_with_the_remedy_of_that_key(tmp_path: Path) -> None:
    assert sorted(errors(tmp_path, WRONG)) == sorted(
        [
            "publishers.snmp.listen.0 = '0.0.0.0:99999': must be ADDRESS:PORT. "
            'List addresses such as "127.0.0.1:1161" or "[::]:161".',
            "publishers.snmp.users.noc.priv = 'DES': DES is weak: use AES or AES-256; allow_weak = true takes it "
            'all the same. Give "AES" or "AES-256".',
            "publishers.snmp.users.noc.view = 5: must be a text in quotes. Name a view, or leave it out.",
            "publishers.snmp.users.ops.auth = 'MD5': MD5 is weak: use SHA-256 or better; allow_weak = true takes it "
            'all the same. Give "SHA-256" or another SHA.',
            "publishers.snmp.users.ops.auth_password: a password is too short: RFC 3414 wants at least 8 characters. "
            "Give a password of at least 8 characters.",
            "publishers.snmp.users.ops.vieuw: unknown key. Did you mean 'view'?",
            f"publishers.snmp.communities.a.community_file: {tmp_path}/missing cannot be read: "
            "No such file or directory. Write the secret there, readable by the gateway.",
            "publishers.snmp.communities.a.allow.0: '10.0.0.0/40' does not appear to be an IPv4 or IPv6 network. "
            'List networks such as "192.0.2.0/24"; empty: any.',
            "receivers.r.auth = 'MD5': MD5 is weak: use SHA-256 or better; allow_weak = true takes it "
            'all the same. Give "SHA-256" or another SHA.',
            "receivers.r.port = 0: must be greater than or equal to 1. Give a UDP port; the usual one is 162.",
        ]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[publishers.snmp.users.noc]\npriv = "AES"\n',
            ["publishers.snmp.users.noc.auth: priv needs auth: "],
        ),
        (
            '[publishers.snmp.communities.a]\ncommunity = "x"\nview = "v"\n'
            '[publishers.snmp.communities.b]\ncommunity = "x"\n',
            [
                "publishers.snmp.communities.a.view: 'v' is no view. Known: all.",
                "publishers.snmp.communities.b.community: two communities are the same, this one and 'a'.",
            ],
        ),
        (
            '[publishers.snmp]\nlisten = ["0.0.0.0:161"]\n[publishers.snmp.communities.a]\ncommunity = "public"\n',
            ["publishers.snmp.listen: '0.0.0.0:161' is reachable from other machines and communities.a"],
        ),
        (
            '[publishers.snmp]\nlisten = [":161"]\n[publishers.snmp.users.u]\n',
            ["publishers.snmp.users.u.auth: ':161' is reachable from other machines and this user needs no password."],
        ),
        (
            '[publishers.snmp.users.u]\nauth = "SHA-3"\nauth_password = "long-enough"\npriv = "AES-512"\n',
            [
                "publishers.snmp.users.u.auth = 'SHA-3': unknown authentication protocol 'SHA-3': use one of SHA, ",
                "publishers.snmp.users.u.priv = 'AES-512': unknown privacy protocol 'AES-512': use one of AES, ",
            ],
        ),
        (
            '[publishers.snmp.users.u]\nauth = "SHA-256"\nkeys = "hunter2"\n',
            ["publishers.snmp.users.u.keys: must be ENGINE:KEY or ENGINE:KEY:KEY in hexadecimal digits"],
        ),
        (
            f'[publishers.snmp.users.u]\nauth = "SHA-512"\nkeys = "80007ed905:{"ab" * 32}"\n',
            ["publishers.snmp.users.u.keys: the localized SHA-512 key has a wrong length. Give the protocols"],
        ),
        (
            '[publishers.snmp]\nenterprise = "acme"\nmax_message_size = 100\ncommunity = "public"\n',
            [
                "publishers.snmp.enterprise = 'acme': is no enterprise number. Give the digits of yours",
                "publishers.snmp.max_message_size = 100: must be greater than or equal to 484. Give octets; 1472 ",
                "publishers.snmp.community: unknown key. Did you mean 'communities'?",
            ],
        ),
        (
            '[publishers.snmp.communities.a]\ncommunity = ""\n[publishers.snmp.views.v]\ninclude = ["topoNothing"]\n',
            [
                "publishers.snmp.communities.a.community: must not be empty.",
                "publishers.snmp.views.v.include.0 = 'topoNothing': is no numeric OID: write it like ",
            ],
        ),
        (
            '[publishers.snmp.communities.a]\ncommunity = "x"\nallow = "10.0.0.0/24"\n'
            '[publishers.snmp.communities.b]\ncommunity = "y"\nallow = ["10.1.2.3/24"]\n',
            [
                "publishers.snmp.communities.a.allow: must be a list in brackets. List networks such as ",
                "publishers.snmp.communities.b.allow.0: '10.1.2.3/24' is an address in 10.1.2.0/24. Give that ",
            ],
        ),
        (
            '[publishers.snmp]\nlisten = ["udp:127.0.0.1:1161"]\n'
            '[publishers.snmp.views.v]\ninclude = ["topoAlarmTable"]\n',
            [
                "publishers.snmp.listen.0 = 'udp:127.0.0.1:1161': must be ADDRESS:PORT, ",
                "publishers.snmp.views.v.include.0 = 'topoAlarmTable': is no numeric OID: write it like 1.3.6.1.4.1. "
                "Did you mean topoActiveAlarmTable? List OIDs",
            ],
        ),
        (
            '[publishers.snmp]\nlisten = ["127.0.0.1", "[::1]"]\n'
            '[publishers.snmp.users.u]\nallow = ["a", "10.0.0.0/8", "b"]\n',
            [
                "publishers.snmp.listen.0 = '127.0.0.1': must be ADDRESS:PORT. List addresses such as ",
                "publishers.snmp.listen.1 = '[::1]': must be ADDRESS:PORT",
                "publishers.snmp.users.u.allow.0 = 'a': does not appear",
                "publishers.snmp.users.u.allow.2 = 'b': does not appear",
            ],
        ),
        ("[publishers.snmp]\nlisten = []\n", ["publishers.snmp.listen: must not be empty. List addresses"]),
        ('[receivers.r]\nhost = "noc"\n', ['receivers.r.kind: is missing. Add a line such as kind = "snmp".']),
        (
            '[receivers.r]\nkind = "snmp"\nhost = "127.0.0.1:162"\ncommunity = "x"\nkinds = ["moves"]\n',
            [
                "receivers.r.host = '127.0.0.1:162': must be a name or address alone; a port is given by port = ",
                "receivers.r.kinds.0 = 'moves': must be 'relocation', 'role_relocation', ",
            ],
        ),
        (
            '[receivers.r]\nkind = "snmp"\nhost = "noc"\ncommunity = "x"\nkinds = ["relocation", "heartbeat"]\n',
            ["receivers.r.kinds.1 = 'heartbeat': is not chosen by its kind: heartbeat_s asks for it."],
        ),
        (
            '[receivers.r]\nkind = "snmp"\nhost = "noc"\nversion = "3"\n',
            ['receivers.r.user: version = "3" needs a user. Add user, auth and auth_password.'],
        ),
        (
            '[receivers.r]\nkind = "snmp"\nhost = "noc"\nversion = "1"\ncommunity = "x"\ninform = true\n',
            ['receivers.r.inform: SNMPv1 has no informs. Set version = "2c" or "3", or inform = false.'],
        ),
        (
            '[receivers.r]\nkind = "snmp"\nhost = "noc"\nauth = "SHA"\n',
            ['receivers.r.community: version = "2c" needs', 'receivers.r.auth: version = "2c" has no user.'],
        ),
        (
            '[receivers.r]\nkind = "snmp"\nhost = "noc"\ncommunity = "x"\ncommunity_file = "y"\nport = 0\n',
            ["receivers.r.community_file: community and community_file are both given", "receivers.r.port = 0"],
        ),
    ],
)
def test_what_does_not_fit_together_is_told_at_the_key_to_change(tmp_path: Path, text: str, said: list[str]) -> None:
    found = errors(tmp_path, text)
    assert len(found) == len(said)
    for wanted in said:
        assert any(line.startswith(wanted) for line in found), (wanted, found)
    assert not [secret for secret in ("hunter2", "ab" * 32) if secret in str(found)]
