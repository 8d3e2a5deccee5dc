"""A libvirtd of our own with libvirt's test driver, reached by every transport: socket, TCP with SASL, TLS, ssh."""

import os
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.requirements import missing_root, missing_tools

TOOLS = {
    "libvirtd": "libvirt-daemon",
    "virt-ssh-helper": "libvirt-clients",
    "saslpasswd2": "sasl2-bin",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "unshare": "util-linux",
}
USER, PASSWORD = "gateway", "as long as it is kept"
SCRIPT = """
for folder in /run /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /usr/lib/*/libvirt/connection-driver; do
    if [ -d "$folder" ]; then mount -t tmpfs none "$folder"; fi
done
mkdir -p /run/sshd /run/libvirt && mount --bind "$1/sockets" /run/libvirt
"$2" -f "$1/sshd_config" -E "$1/sshd.log"
exec libvirtd --listen -f "$1/libvirtd.conf" -p "$1/libvirtd.pid"
"""
LIBVIRTD = """
unix_sock_dir = "/run/libvirt"
listen_addr = "127.0.0.1"
listen_tls = 1
listen_tcp = 1
tls_port = "{tls}"
tcp_port = "{tcp}"
auth_tls = "none"
auth_tcp = "sasl"
auth_unix_ro = "none"
auth_unix_rw = "none"
ca_file = "{folder}/cacert.pem"
cert_file = "{folder}/servercert.pem"
key_file = "{folder}/serverkey.pem"
log_outputs = "3:file:{folder}/libvirtd.log"
"""
SSHD = """
ListenAddress 127.0.0.1:{ssh}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
"""


def missing() -> str | None:
    """Say what keeps it from running here, or None."""
    return missing_tools(TOOLS) or missing_root("a libvirtd of its own (mount namespace)")


class Daemon:
    """Runs while it is entered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tls, self._tcp, self._ssh = _free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def unix(self) -> str:
        return f"test+unix:///default?socket={self.folder}/sockets/libvirt-sock-ro"

    @property
    def tcp(self) -> str:
        return f"test+tcp://127.0.0.1:{self._tcp}/default"

    def tls(self, certificates: str = "client") -> str:
        return f"test+tls://127.0.0.1:{self._tls}/default?pkipath={self.folder}/{certificates}"

    def ssh(self, key: str = "key") -> str:
        return f"test+ssh://root@127.0.0.1:{self._ssh}/default?keyfile={self.folder}/{key}&no_verify=1"

    def __enter__(self) -> "Daemon":
        (self.folder / "sockets").mkdir()
        self._make_certificates()
        self._make_keys()
        ports = {"folder": self.folder, "tls": self._tls, "tcp": self._tcp, "ssh": self._ssh}
        (self.folder / "libvirtd.conf").write_text(LIBVIRTD.format(**ports))
        (self.folder / "sshd_config").write_text(SSHD.format(**ports))
        sshd = subprocess.check_output(["sh", "-c", "command -v sshd"], text=True).strip()
        self._process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--mount-proc",
                "--kill-child",
                "sh",
                "-c",
                SCRIPT,
                "sh",
                str(self.folder),
                sshd,
            ],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SASL_CONF_PATH": str(self.folder)},
        )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send libvirtd a signal."""
        assert self._process is not None
        parent = self._process.pid
        (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        os.kill(int(child), number)

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + 20
        for port in (self._tls, self._tcp, self._ssh):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert self._process.poll() is None, (self.folder / "libvirtd.log").read_text()
                    assert time.monotonic() < until, f"nobody listens on port {port}"
                    time.sleep(0.05)

    def _make_keys(self) -> None:
        for name in ("host_key", "key", "other_key"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name))
        (self.folder / "libvirt.conf").write_text(f"mech_list: digest-md5\nsasldb_path: {self.folder}/sasldb\n")
        command = ["saslpasswd2", "-p", "-c", "-u", "localhost", "-f", str(self.folder / "sasldb"), USER]
        subprocess.run(command, input=PASSWORD.encode(), check=True)

    def _make_certificates(self) -> None:
        ca = _certificate("lab CA")
        for folder, name, pair in (
            (".", "server", _certificate("127.0.0.1", ca)),
            ("client", "client", _certificate("gateway", ca)),
            ("stranger", "client", _certificate("gateway", _certificate("other CA"))),
        ):
            (self.folder / folder).mkdir(exist_ok=True)
            _write(self.folder / folder / "cacert.pem", ca[0])
            _write(self.folder / folder / f"{name}cert.pem", pair[0])
            _write(self.folder / folder / f"{name}key.pem", pair[1])


Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _certificate(name: str, ca: Pair | None = None) -> Pair:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca[0].subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca is None, None), critical=True)
    )
    if ca:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(ca[1] if ca else key, hashes.SHA256()), key


def _write(file: Path, what: x509.Certificate | ec.EllipticCurvePrivateKey) -> None:
    pem = serialization.Encoding.PEM
    if isinstance(what, x509.Certificate):
        file.write_bytes(what.public_bytes(pem))
    else:
        form, open_to_all = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        file.write_bytes(what.private_bytes(pem, form, open_to_all))


def _free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
