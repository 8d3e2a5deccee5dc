"""Addresses of hosts: what a libvirt URI says, what of it can be tried before libvirt is, and what is wrong with it."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import parse_qsl, unquote, urlsplit

DRIVERS = frozenset({"qemu", "lxc", "xen", "ch", "bhyve", "vz", "openvz", "vbox", "test"})
"""Those that manage machines of their own; esx, vpx and hyperv ask a manager, which other kinds of sources do."""
TRANSPORTS = frozenset({"", "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext"})
PORTS = {"tcp": 16509, "tls": 16514, "ssh": 22, "libssh": 22, "libssh2": 22}
PARAMETERS = frozenset({
    "auth", "authfile", "command", "keyfile", "known_hosts", "known_hosts_verify", "mode", "name", "netcat",
    "no_sanity", "no_tty", "no_verify", "pkipath", "proxy", "root", "socket", "sshauth", "tls_priority",
})  # fmt: skip
"""What libvirt reads behind the question mark (its documents of URIs and of remote connections)."""
EXAMPLE = "qemu+tls://h1.example.net/system"
_WITHOUT_FILE = ("", "/", "/default")
"""Paths of test:/// that name no file."""

_SECRET = re.compile(r"pass|pwd|secret|token|credential", re.IGNORECASE)
_SEEN = "a password in a URI would be seen by everybody. Give username and password_file instead"


@dataclass(frozen=True, slots=True)
class TcpEnd:
    """Where the daemon, or the ssh server before it, listens. `speaks`: it is the daemon itself, without TLS."""

    host: str
    port: int
    speaks: bool


@dataclass(frozen=True, slots=True)
class UnixEnd:
    """A socket of this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class FileEnd:
    """A file of this machine: what a host of the driver that only plays has."""

    path: str


@dataclass(frozen=True, slots=True)
class Address:
    """A libvirt URI, checked. `end`: what can be tried before libvirt opens it; None: libvirt alone knows where."""

    uri: str
    driver: str
    transport: str
    end: TcpEnd | UnixEnd | FileEnd | None = None

    @property
    def is_real(self) -> bool:
        """False for the driver that only plays to manage machines."""
        return self.driver != "test"

    @property
    def place(self) -> str:
        """The URI in the one form that all its spellings have: default port, case of the host, strokes. To compare."""
        split = urlsplit(self.uri)
        user, at, _ = split.netloc.rpartition("@")
        port = split.port or PORTS.get(self.transport)
        host = f"{user}{at}{(split.hostname or '').rstrip('.')}:{port or ''}"
        path = "/".join(each for each in split.path.split("/") if each)
        return f"{self.driver}+{self.transport}://{host}/{path}?{split.query}"


def parse_uri(text: str) -> Address:
    """
    Check a libvirt URI.

    Raises:
        ValueError: what is wrong with it and what to write; never with a password in it.
    """
    if "\0" in text or any(character.isspace() for character in text):
        raise ValueError(f"a blank in it; a URI looks like {EXAMPLE}")
    try:
        split = urlsplit(text)
        host, port = split.hostname or "", split.port
    except ValueError as error:
        raise ValueError(f"is no URI ({error}); it looks like {EXAMPLE}") from None
    if split.password is not None:
        raise ValueError(_SEEN)
    driver, _, transport = split.scheme.partition("+")
    _check_scheme(driver, transport)
    if transport in PORTS and not host:
        raise ValueError(f"names no host, which {split.scheme}:// needs; write {split.scheme}://HOST/system")
    parameters = dict(parse_qsl(split.query, keep_blank_values=True))
    _check_parameters(parameters)
    if not transport:
        transport = "tls" if host else "unix" if driver != "test" else ""
    has_file = driver == "test" and not transport and split.path not in _WITHOUT_FILE
    end = FileEnd(unquote(split.path)) if has_file else _end(transport, host, port, parameters)
    return Address(_for_a_daemon(text, transport, parameters), driver, transport, end)


def _check_scheme(driver: str, transport: str) -> None:
    if not driver:
        raise ValueError(f"has no scheme; a URI looks like {EXAMPLE}")
    if driver not in DRIVERS:
        raise ValueError(f"{driver!r} is no driver that can be followed; known: {', '.join(sorted(DRIVERS))}")
    if transport not in TRANSPORTS:
        known = ", ".join(sorted(TRANSPORTS - {""}))
        raise ValueError(f"{transport!r} is no transport; write {driver}+TRANSPORT://, known: {known}")


def _check_parameters(parameters: dict[str, str]) -> None:
    """libvirt passes over what it does not know; and what was typed there may be a secret: its value is never said."""
    for name, value in parameters.items():
        if name.lower() in PARAMETERS:
            continue
        if _SECRET.search(name):
            raise ValueError(_SEEN)
        what = f"unknown parameter {name[:40]!r}" if value else "an unknown parameter"
        close = get_close_matches(name.lower(), PARAMETERS, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"{what} behind the '?'. {hint}Known: {', '.join(sorted(PARAMETERS))}")


def _for_a_daemon(text: str, transport: str, parameters: dict[str, str]) -> str:
    """Nobody can answer ssh's questions: it has to fail instead (`no_tty`), unless the URI says otherwise."""
    if transport != "ssh" or "no_tty" in parameters:
        return text
    return f"{text}{'&' if parameters else '?'}no_tty=1"


def _end(transport: str, host: str, port: int | None, parameters: dict[str, str]) -> TcpEnd | UnixEnd | None:
    if transport in PORTS:
        proxied = transport not in ("tcp", "tls") and "proxy" in parameters and parameters["proxy"] == "none"
        return None if proxied else TcpEnd(host, port or PORTS[transport], transport == "tcp")
    if transport == "unix" and "socket" in parameters:
        return UnixEnd(unquote(parameters["socket"]))
    return None
