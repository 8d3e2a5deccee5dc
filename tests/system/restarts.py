"""Ends and restarts of a gateway, also in the middle of something else."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.system.gateway_process import GatewayProcess


def end(gateway: GatewayProcess, how: signal.Signals) -> None:
    """End it by SIGKILL, or by a signal after which it ends well."""
    if how is signal.SIGKILL:
        gateway.kill()
    else:
        assert gateway.stop(how) == 0, gateway.log()


def restart_during(doing: Callable[[], object], gateway: GatewayProcess, how: signal.Signals, after_s: float) -> None:
    """Do something, and end and start the gateway so many seconds after that was begun."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(doing)
        time.sleep(after_s)
        end(gateway, how)
        gateway.start()
        done.result()
