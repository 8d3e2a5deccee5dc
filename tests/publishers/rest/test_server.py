"""The real server: TCP, TLS, the UNIX socket, its refusals, and how it ends."""

import asyncio
import os
import signal
import socket
import ssl
import stat
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from gateway.config.problems import problems_of
from gateway.model.errors import ConfigError
from gateway.publishers.rest import RestPublisher, RestSettings, patience
from gateway.publishers.rest.settings import parse_address


def publisher(gateway, **settings) -> RestPublisher:
    made = RestSettings(**{"listen": "127.0.0.1:0", **settings})
    return RestPublisher(made, gateway.app(open_metrics=made.open_metrics))


@asynccontextmanager
async def served(rest: RestPublisher):
    addresses = rest.listen()
    task = asyncio.create_task(rest.run())
    await asyncio.sleep(0.05)
    try:
        yield addresses
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def running(gateway, role="read"):
    """A client of a real server on loopback."""
    headers = {"Authorization": f"Bearer {gateway.tokens[role]}"}
    async with (
        served(publisher(gateway)) as (address,),
        httpx.AsyncClient(base_url=address, headers=headers, timeout=10) as client,
    ):
        yield client


async def test_it_answers_on_the_port_that_it_names(gateway):
    async with running(gateway) as client:
        assert (await client.get("/api/v1/where/vip")).json()["status"] == "placed"
        assert "server" not in (await client.get("/healthz")).headers


async def test_the_unix_socket_answers_without_a_token_and_only_its_owner_may_connect(gateway, tmp_path):
    path = tmp_path / "gateway.sock"
    async with served(publisher(gateway, unix_socket=path, enabled=False)) as addresses:
        assert addresses == (f"unix:{path}",)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            assert (await client.get("/api/v1/where/vip")).json()["status"] == "placed"
    assert not path.exists()


async def test_tcp_needs_a_token_also_when_the_unix_socket_is_there(gateway, tmp_path):
    rest = publisher(gateway, unix_socket=tmp_path / "s")
    async with served(rest) as (tcp, _), httpx.AsyncClient(base_url=tcp) as client:
        assert (await client.get("/api/v1/where/vip")).status_code == 401
        assert (await client.get("/healthz")).status_code == 200


async def test_a_socket_that_a_killed_gateway_left_is_replaced_and_a_living_one_is_not(gateway, tmp_path):
    path = tmp_path / "gateway.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    async with served(publisher(gateway, unix_socket=path)):
        with pytest.raises(ConfigError, match="answers there already"):
            publisher(gateway, unix_socket=path).listen()
        assert path.exists()


async def test_a_file_that_is_no_socket_is_left_alone(gateway, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="no socket"):
        publisher(gateway, unix_socket=path).listen()
    assert path.read_text() == "mine"


async def test_an_address_that_is_taken_is_named_with_its_key(gateway):
    async with served(publisher(gateway)) as (address,):
        port = address.rsplit(":", 1)[1]
        with pytest.raises(
            ConfigError, match=rf"publishers\.rest\.listen = '127.0.0.1:{port}': Address already in use"
        ):
            publisher(gateway, listen=f"127.0.0.1:{port}").listen()


async def test_a_new_rule_of_what_is_stale_counts_at_once(gateway):
    gateway.clock.advance(80)
    rest = publisher(gateway)
    headers = {"Authorization": f"Bearer {gateway.tokens['read']}"}
    async with served(rest) as (address,), httpx.AsyncClient(base_url=address, headers=headers) as client:
        for intervals, stale in ((3, True), (10, False)):
            rest.use_stale_intervals(intervals)
            for path in ("entities/vm:vm1", "impact/n1"):
                assert (await client.get(f"/api/v1/{path}")).json()["stale"] is stale
            assert (await client.get("/api/v1/where/vm1")).json()["hops"][0]["stale"] is stale


async def test_signals_stay_with_the_process_and_a_stream_does_not_delay_the_end(gateway):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with running(gateway) as client, client.stream("GET", "/api/v1/events/stream") as response:
        assert response.status_code == 200
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 4


async def test_garbage_on_the_wire_ends_its_connection_and_nothing_else(gateway):
    async with running(gateway) as client:
        for garbage in (b"\x16\x03\x01\x02\x00\x01\xfc", b"GET / HTTP/9\r\n\r\n", b"A" * 100_000, os.urandom(2_000)):
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(garbage + b"\r\n\r\n")
            with suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 6)
            writer.close()
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"])
async def test_a_connection_that_never_finishes_asking_is_closed(gateway, monkeypatch, begun):
    monkeypatch.setattr(patience, "REQUEST_S", 0.4)
    async with running(gateway) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(begun)
        async with asyncio.timeout(4):
            answer = await reader.read()
        assert answer.count(b"200 OK") == begun.count(b"\r\n\r\n")
        writer.close()


async def test_a_stream_outlives_the_patience_with_silent_connections(gateway, monkeypatch):
    monkeypatch.setattr(patience, "REQUEST_S", 0.2)
    async with running(gateway) as client, client.stream("GET", "/api/v1/events/stream") as response:
        lines = response.aiter_lines()
        await anext(lines)
        await asyncio.sleep(0.8)
        gateway.commit(gateway.relocation())
        async with asyncio.timeout(10):
            assert "id: 1" in [line async for line in until_blank(lines)]


async def until_blank(lines):
    """The lines of the next message that has data."""
    async for line in lines:
        yield line
        if line.startswith("data"):
            return


async def test_with_a_certificate_it_speaks_tls(gateway, tmp_path):
    certificate, key = make_certificate(tmp_path)
    settings = {"tls_certificate": certificate, "tls_key": key}
    async with served(publisher(gateway, **settings)) as (address,):
        assert address.startswith("https://127.0.0.1:")
        trust = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(base_url=address, verify=trust) as client:
            assert (await client.get("/healthz")).status_code == 200


async def test_a_certificate_that_cannot_be_read_is_named(gateway, tmp_path):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")
    with pytest.raises(ConfigError, match=r"publishers\.rest\.tls_certificate = .*wrong\.pem"):
        await publisher(gateway, tls_certificate=wrong, tls_key=wrong).run()


# -- settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", ":8080", "[::]:8080", "192.0.2.1:80", "gateway.example:8080"])
def test_a_public_address_without_tls_is_refused_with_the_key_and_the_remedy(listen):
    with pytest.raises(ValidationError) as caught:
        RestSettings(listen=listen)
    (problem,) = problems_of(caught.value, ("publishers", "rest"), RestSettings, {"listen": listen})
    assert str(problem).startswith(f"publishers.rest.listen = '{listen}': is not a loopback address")
    assert "set publishers.rest.tls_certificate and publishers.rest.tls_key" in str(problem)
    settings = RestSettings(listen=listen, tls_certificate=Path("c"), tls_key=Path("k"))
    assert not settings.address.loopback
    assert not settings.open_metrics


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:0", "localhost:8080", "127.9.9.9:1"])
def test_loopback_needs_no_tls_and_its_metrics_are_open(listen):
    assert RestSettings(listen=listen).open_metrics
    assert not RestSettings(listen=listen, metrics_need_token=True).open_metrics


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1", "127.0.0.1:99999", "::1:80", "127.0.0.1:http", "127.0.0.1:²"])
def test_an_address_that_is_none_is_refused(listen):
    with pytest.raises(ValidationError, match=r"ADDRESS:PORT|brackets"):
        RestSettings(listen=listen)


def test_addresses_are_written_as_they_are_read():
    for text in ("127.0.0.1:80", "[::1]:443"):
        assert str(parse_address(text)) == text


def test_certificate_and_key_belong_together():
    with pytest.raises(ValidationError, match="belong together"):
        RestSettings(tls_certificate=Path("c"))


def test_a_socket_path_that_linux_cannot_hold_is_refused():
    with pytest.raises(ValidationError, match="107 bytes"):
        RestSettings(unix_socket=Path("/" + "x" * 107))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert.pem", folder / "key.pem"
