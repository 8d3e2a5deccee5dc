"""URIs of hosts: what of them can be tried before libvirt is asked, and what is refused."""

import pytest

from gateway.collectors.libvirt.address import Address, FileEnd, TcpEnd, UnixEnd, parse_uri


@pytest.mark.parametrize(
    ("uri", "end"),
    [
        ("qemu+tcp://h1/system", TcpEnd("h1", 16509, speaks=True)),
        ("qemu+tcp://[2001:db8::1]:17000/system", TcpEnd("2001:db8::1", 17000, speaks=True)),
        ("qemu+tls://h1.example.net/system?pkipath=/etc/pki/gateway", TcpEnd("h1.example.net", 16514, speaks=False)),
        ("qemu://h1.example.net/system", TcpEnd("h1.example.net", 16514, speaks=False)),  # TLS is the default
        ("qemu+ssh://gateway@h1/system?no_tty=1", TcpEnd("h1", 22, speaks=False)),
        ("xen+libssh2://root@h1:2222/system", TcpEnd("h1", 2222, speaks=False)),
        ("qemu:///system", None),
        ("qemu:///session", None),
        ("qemu+unix:///system?mode=direct", None),
        ("qemu:///system?socket=/run/libvirt/virtqemud-sock-ro", UnixEnd("/run/libvirt/virtqemud-sock-ro")),
        ("qemu+unix:///system?socket=/srv/a%2Bb/sock", UnixEnd("/srv/a+b/sock")),
        ("lxc:///", None),
        ("xen:///", None),
        ("test:///default", None),
        ("test:///srv/my%20fleet/h1.xml", FileEnd("/srv/my fleet/h1.xml")),
        ("test+unix:///default?socket=/run/s", UnixEnd("/run/s")),
    ],
)
def test_what_can_be_tried_before_libvirt_opens_it(uri: str, end: TcpEnd | UnixEnd | FileEnd | None) -> None:
    assert parse_uri(uri).end == end


def test_ssh_asks_nobody_for_a_password() -> None:
    assert parse_uri("qemu+ssh://h1/system").uri == "qemu+ssh://h1/system?no_tty=1"
    assert parse_uri("qemu+ssh://h1/system?keyfile=/k").uri == "qemu+ssh://h1/system?keyfile=/k&no_tty=1"
    assert parse_uri("qemu+ssh://h1/system?no_tty=0").uri == "qemu+ssh://h1/system?no_tty=0"


def test_all_others_are_handed_over_as_they_are() -> None:
    uri = "qemu+tls://h1/system?pkipath=/a&no_verify=0"
    assert parse_uri(uri) == Address(uri, "qemu", "tls", TcpEnd("h1", 16514, speaks=False))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "no scheme"),
        ("h1.example.net", "no scheme"),
        ("qmeu:///system", "'qmeu' is no driver"),
        ("esx://vcenter/", "'esx' is no driver"),
        ("qemu+telnet://h1/system", "'telnet' is no transport"),
        ("qemu+tcp:///system", "names no host"),
        ("qemu+tcp://h1:99999/system", "is no URI"),
        ("qemu+tcp://[h1/system", "is no URI"),
        ("qemu+tcp://h1/sys tem", "a blank"),
        ("qemu+tcp://h1/system\0", "a blank"),
    ],
)
def test_what_is_no_address_says_why(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_uri(uri)


def test_a_password_in_a_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="password_file") as error:
        parse_uri("qemu+tcp://gateway:hunter2@h1/system")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "query", ["password=hunter2", "no_tty=1&Passwd=hunter2", "token=hunter2", "hunter2", "a=hunter2"]
)
def test_what_libvirt_does_not_know_in_a_query_is_refused_and_not_repeated(query: str) -> None:
    with pytest.raises(ValueError, match=r"password_file|unknown parameter") as raised:
        parse_uri(f"qemu+tls://h1/system?{query}")
    assert "hunter2" not in str(raised.value)


def test_a_parameter_that_is_nearly_one_is_guessed() -> None:
    with pytest.raises(ValueError, match=r"unknown parameter 'pkipth'.*Did you mean 'pkipath'\? Known: auth, "):
        parse_uri("qemu+tls://h1/system?pkipth=/a")
    assert parse_uri("qemu+tls://h1/system?PKIpath=/a").driver == "qemu"
