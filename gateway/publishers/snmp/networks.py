"""Networks: from which addresses somebody may ask."""

import ipaddress
from collections.abc import Iterable
from typing import Final

_REMEMBERED: Final = 4096


class Networks:
    """The networks from which a community or a user may be used; remembers addresses that it has judged."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._judged: dict[str, bool] = {}
        self.anywhere = not self._networks

    def allow(self, address: str) -> bool:
        """Whether a datagram from this address is to be answered."""
        if self.anywhere:
            return True
        judged = self._judged.get(address)
        if judged is None:
            judged = self._judge(address)
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            self._judged[address] = judged
        return judged

    def _judge(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)
