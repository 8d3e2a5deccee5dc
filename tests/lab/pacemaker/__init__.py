"""A real Corosync + Pacemaker cluster on one machine: nodes are namespaces, SIGKILL is the power cord."""

from tests.lab.errors import LabError
from tests.lab.pacemaker.content import Inventory
from tests.lab.pacemaker.lab import PacemakerLab, missing, sweep_leftovers
from tests.lab.pacemaker.view import View

__all__ = ["Inventory", "LabError", "PacemakerLab", "View", "missing", "sweep_leftovers"]
