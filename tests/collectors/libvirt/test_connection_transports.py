"""Every way to reach a daemon, with a real one at the other end: what works, and what is said when it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.collectors.libvirt.callbacks import Tap
from gateway.collectors.libvirt.connection import Opener
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.worker import Calls
from gateway.model.errors import SourceUnavailable
from tests.collectors.libvirt import daemon as private
from tests.collectors.libvirt.daemon import PASSWORD, USER, Daemon

pytestmark = pytest.mark.lab
CALLS = Calls(10)
SASL = {"username": f"{USER}@localhost", "password": PASSWORD}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    if reason := private.missing():
        pytest.skip(reason)
    with Daemon(tmp_path_factory.mktemp("d")) as running:
        yield running


def domains(uri: str, **more: str) -> list[str]:
    """What a read-only connection that is listened to sees."""
    settings = LibvirtSettings.model_validate({"kind": "libvirt", "hosts": {"h1": uri}, **more})
    opener = Opener(settings.hosts["h1"].address, settings)
    opener.knock(CALLS)
    connection = opener.open(CALLS)
    try:
        connection.watch(CALLS, Tap("h1", lambda: 0, print, print, print))
        return [domain.name() for domain in connection.virt.listAllDomains()]
    finally:
        connection.close()


def test_a_socket_of_this_machine(daemon: Daemon) -> None:
    assert domains(daemon.unix) == ["test"]


def test_tls_with_the_clients_certificate(daemon: Daemon) -> None:
    assert domains(daemon.tls()) == ["test"]


def test_tcp_with_sasl(daemon: Daemon) -> None:
    assert domains(daemon.tcp, **SASL) == ["test"]


def test_ssh_with_a_key(daemon: Daemon) -> None:
    assert domains(daemon.ssh()) == ["test"]


def test_a_wrong_password_is_refused_and_not_told(daemon: Daemon) -> None:
    with pytest.raises(SourceUnavailable, match="authentication failed") as error:
        domains(daemon.tcp, username=SASL["username"], password="hunter2")
    assert "hunter2" not in str(error.value)


def test_without_a_user_sasl_fails_at_once_instead_of_asking(daemon: Daemon) -> None:
    with pytest.raises(SourceUnavailable, match="authentication failed"):
        domains(daemon.tcp)


def test_a_certificate_of_a_stranger_and_a_missing_one_are_told_apart(daemon: Daemon, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"certificate|certificate has been rejected|TLS|closed|End of file"):
        domains(daemon.tls("stranger"))
    with pytest.raises(SourceUnavailable, match=r"Cannot read CA certificate.*cacert\.pem"):
        domains(f"{daemon.tls().partition('?')[0]}?pkipath={tmp_path}")


def test_ssh_with_a_strange_key_fails_instead_of_asking(daemon: Daemon) -> None:
    with pytest.raises(SourceUnavailable, match=r"Permission denied|Connection reset|End of file"):
        domains(daemon.ssh("other_key"))
