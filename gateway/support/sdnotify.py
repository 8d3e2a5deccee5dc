"""Tell systemd how we are doing (sd_notify(3)); without systemd nothing happens."""

import os
import socket


def notify(state: str) -> bool:
    """Send `READY=1`, `STOPPING=1`, `STATUS=...`; False when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect("\0" + address[1:] if address.startswith("@") else address)
            sock.sendall(state.encode())
    except OSError:
        return False
    return True
