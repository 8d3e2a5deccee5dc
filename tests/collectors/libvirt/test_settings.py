"""`[sources.NAME]` of a fleet: what is wrong is named with its key path and the remedy."""

import tomllib
from pathlib import Path

import pytest

from gateway.app.settings_classes import PluginClasses
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.config.configuration import build
from gateway.model.errors import ConfigError


def settings(text: str) -> LibvirtSettings:
    document = tomllib.loads(f'[sources.fleet]\nkind = "libvirt"\n{text}')
    made = build(document, PluginClasses(), {}, origin="test", base=Path()).sources["fleet"]
    assert isinstance(made, LibvirtSettings)
    return made


def test_a_host_is_a_uri_or_a_table() -> None:
    made = settings(
        """
        hosts.h1 = "qemu+tcp://h1/system"
        hosts.h2 = { uri = "qemu+tls://h2/system", agent_uri = "qemu+tls://h2:17000/system" }
        """
    )
    assert made.hosts["h1"].agent_address.uri == made.hosts["h1"].uri == "qemu+tcp://h1/system"
    assert made.hosts["h2"].agent_address.uri == "qemu+tls://h2:17000/system"
    assert made.interval_s == 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"sources\.fleet\.hosts: is missing\. Give a table of hosts"),
        ("hosts = {}", r"sources\.fleet\.hosts: must not be empty\. Give a table of hosts"),
        ('hosts.h1 = "qmeu:///system"', r"sources\.fleet\.hosts\.h1\.uri: 'qmeu' is no driver.*known: .*qemu"),
        ('hosts."a/b" = "qemu:///system"', r'sources\.fleet\.hosts\."a/b": is no usable name\. Use letters'),
        (
            'hosts.h1 = "qemu+tcp://h/system"\nhosts.h2 = "qemu+tcp://h/system/"',
            r"sources\.fleet\.hosts\.h2: is the same host as hosts\.h1\. Leave one of them out",
        ),
        (
            'hosts.h1 = "qemu+tcp://H/system"\nhosts.h2 = "qemu+tcp://h:16509/system"',
            r"sources\.fleet\.hosts\.h2: is the same host as hosts\.h1\.",
        ),
        (
            'hosts.h1 = "test:///tmp/n.xml"\nhosts.h2 = "test:////tmp/n.xml"',
            r"sources\.fleet\.hosts\.h2: is the same host as hosts\.h1\.",
        ),
        ("hosts.h1 = { url = 'x' }", r"sources\.fleet\.hosts\.h1\.url: unknown key. Did you mean 'uri'\?"),
        (
            'hosts.h1 = { uri = "qemu:///system", agent_uri = "qemu+tcp:///system" }',
            r"sources\.fleet\.hosts\.h1\.agent_uri: names no host",
        ),
        ('hosts.h1 = "test:///default"\nkeepalive_s = 0', r"sources\.fleet\.keepalive_s = 0: .*Give 1 to 300 seconds"),
        ('hosts.h1 = "test:///default"\nusername = "me"', r"sources\.fleet\.password_file: is missing"),
        ('hosts.h1 = "test:///default"\nshared_pools = [""]', r"sources\.fleet\.shared_pools: an empty name"),
    ],
)
def test_what_is_wrong_stands_at_its_key(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings(text)


def test_hosts_that_differ_in_more_than_their_spelling_are_two() -> None:
    made = settings(
        """
        hosts.h1 = "qemu+tcp://h/system"
        hosts.h2 = "qemu+tls://h/system"
        hosts.h3 = "qemu+tcp://h:16510/system"
        hosts.h4 = "qemu+tcp://h/session"
        hosts.h5 = "qemu+ssh://me@h/session"
        hosts.h6 = "qemu+ssh://you@h/session"
        hosts.h7 = "qemu:///system?socket=/run/a"
        hosts.h8 = "qemu:///system?socket=/run/b"
        """
    )
    assert len(made.addresses) == len(made.hosts)


def test_passwords_are_never_shown() -> None:
    text = 'hosts.h1 = "test:///default"\nusername = "me"\npassword = "hunter2"'
    assert "hunter2" not in repr(settings(text))
    with pytest.raises(ConfigError) as error:
        settings('hosts.h1 = "qemu+tcp://me:hunter2@h/system"\npassword = "hunter2"')
    assert "hunter2" not in str(error.value)
    with pytest.raises(ConfigError, match=r"sources\.fleet\.username: is missing") as error:
        settings('hosts.h1 = "test:///default"\npassword = "hunter2"')
    assert "hunter2" not in str(error.value)


def test_a_folder_for_recordings_may_be_made_and_must_be_one(tmp_path: Path) -> None:
    host = 'hosts.h1 = "test:///default"\n'
    assert settings(f'{host}record = "{tmp_path}/a/b"').record == tmp_path / "a" / "b"
    (tmp_path / "file").touch()
    for wrong in ("file", "file/below"):
        with pytest.raises(
            ConfigError, match=rf"sources\.fleet\.record = .*{tmp_path}/file is no folder\. Name a folder"
        ):
            settings(f'{host}record = "{tmp_path}/{wrong}"')


@pytest.mark.parametrize("enabled", [True, False])
def test_two_sources_that_read_one_host_are_warned_of(enabled: bool) -> None:
    document = tomllib.loads(
        f"""
        sources.a = {{ kind = "libvirt", hosts.h1 = "qemu+tls://h1/system" }}
        sources.b = {{ kind = "libvirt", hosts.x = "qemu+tls://h1/system/", enabled = {str(enabled).lower()} }}
        """
    )
    warnings = build(document, PluginClasses(), {}, origin="test", base=Path()).warnings
    said = "sources.b.hosts.x has the address of sources.a.hosts.h1: two sources read one host. Leave one of them out"
    assert warnings == ((said,) if enabled else ())
