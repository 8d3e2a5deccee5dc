"""A node that dies while it is being asked: the shipped forced command, held in the middle of its answer."""

from __future__ import annotations

import time
from pathlib import Path

from gateway.collectors.pacemaker.agent import FORCED_COMMAND
from tests.lab.pacemaker import PacemakerLab
from tests.system.setups import Installation

BEGINNING_BYTES = 2000
HELD_S = 120
ASKED_TIMEOUT_S = 60.0
WRAPPER = """\
#!/bin/sh
# The shipped forced command; where a test says so, its answer stops in the middle.
if [ -e "{folder}/hold.$(hostname)" ]; then
  {shipped} | head -c {beginning}
  touch "{folder}/held.$(hostname)"
  exec sleep {held}
fi
exec {shipped}
"""


def interruptible_command(lab: PacemakerLab) -> Path:
    """The forced command that `killed_in_the_middle_of_a_read` needs."""
    folder = _folder(lab)
    folder.mkdir(exist_ok=True)
    script = folder / "forced-command"
    script.write_text(WRAPPER.format(folder=folder, shipped=FORCED_COMMAND, beginning=BEGINNING_BYTES, held=HELD_S))
    script.chmod(0o755)
    return script


def killed_in_the_middle_of_a_read(installation: Installation) -> str:
    """Pull the power cord of the node that is asked next, when half of its answer is out; the node's name."""
    lab = installation.lab
    folder = _folder(lab)
    holds = [folder / f"hold.{node}" for node in lab.nodes]
    helds = {node: folder / f"held.{node}" for node in lab.nodes}
    for held in helds.values():
        held.unlink(missing_ok=True)
    for hold in holds:
        hold.touch()
    try:
        victim = _first(helds, installation)
        lab.kill(victim)
    finally:
        for hold in holds:
            hold.unlink()
    return victim


def _first(helds: dict[str, Path], installation: Installation) -> str:
    deadline = time.monotonic() + ASKED_TIMEOUT_S
    while time.monotonic() < deadline:
        for node, held in helds.items():
            if held.exists():
                return node
        time.sleep(0.01)
    raise AssertionError(f"no node was asked within {ASKED_TIMEOUT_S:.0f} s:\n{installation.gateway.log()}")


def _folder(lab: PacemakerLab) -> Path:
    return lab.plan.folder / "forced"
