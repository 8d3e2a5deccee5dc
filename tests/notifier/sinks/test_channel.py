"""The way to a receiver: a resolver that hangs keeps nobody else waiting."""

import asyncio
import socket
import threading
import time

import pytest

from gateway.model.errors import DeliveryError
from gateway.notifier.sinks import channel
from gateway.notifier.sinks.channel import Channel
from gateway.support.clock import SystemClock


async def test_many_names_that_nobody_resolves_delay_neither_addresses_nor_other_threads(
    monkeypatch: pytest.MonkeyPatch,
):
    resolved = threading.Event()
    real = socket.getaddrinfo

    def hanging(host, *given, **more):
        if host.endswith(".invalid"):
            resolved.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    monkeypatch.setattr(channel, "RESOLVE_S", 0.3)
    silent = [Channel(f"r{n}", f"r{n}.invalid", 162, SystemClock()) for n in range(20)]
    waiting = [asyncio.create_task(each.open()) for each in silent]
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    known = Channel("console", "127.0.0.1", 162, SystemClock())
    await known.open()
    assert known.own_address == bytes((127, 0, 0, 1))
    assert await asyncio.to_thread(lambda: 7) == 7
    assert time.monotonic() - begun < 2
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    resolved.set()
    assert all(isinstance(each, DeliveryError) for each in errors)
    assert "no answer from the resolver. Correct receivers.r0.host" in str(errors[0])
    known.close()


async def test_a_receiver_by_ipv6_has_no_ipv4_address_of_ours():
    opened = Channel("console", "::1", 162, SystemClock())
    try:
        await opened.open()
        assert opened.own_address == bytes(4)
    except DeliveryError as error:  # a machine without IPv6
        pytest.skip(f"optional: {error}")
    finally:
        opened.close()
