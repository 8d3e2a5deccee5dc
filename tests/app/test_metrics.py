"""What the parts of a running gateway count is readable at /metrics."""

import socket

import httpx

from tests.app.estate import CONFIGURATION, Estate, until

NOC = '\n[receivers.noc]\nkind = "snmp"\nhost = "127.0.0.1"\nport = {}\ncommunity = "traps"\n'


def test_what_agent_and_dispatcher_count_is_measured(estate: Estate) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noc:
        noc.bind(("127.0.0.1", 0))
        estate.configure(CONFIGURATION + NOC.format(noc.getsockname()[1]))
        with estate.start() as gateway:
            gateway.wait_until("where", "web", said="runs on hypervisor alpha")
            estate.place("web beta", "db beta")
            transport = httpx.HTTPTransport(uds=str(estate.state / "gateway.sock"))
            with httpx.Client(transport=transport, base_url="http://gateway") as client:

                def measured() -> str:
                    return client.get("/metrics").text

                told = 'gateway_delivery_tries_total{outcome="delivered",receiver="noc"} 1.0'
                until(lambda: told in measured(), 20, measured)
                assert "gateway_snmp_internal_errors_total 0.0" in measured()
