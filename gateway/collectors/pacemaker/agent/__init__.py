"""
What runs on the nodes of a cluster: the node agent, and the forced command for ssh. Standard library only.

    python -m gateway.collectors.pacemaker.agent                  > gateway_agent.py
    python -m gateway.collectors.pacemaker.agent forced-command   > gateway-forced-command

Then, on each node as root (Python 3.6 or later): `python3 gateway_agent.py install --url ... --token-file ...`.
"""

from pathlib import Path

AGENT = Path(__file__).with_name("gateway_agent.py")
"""The node agent: one file, copied to each node."""
FORCED_COMMAND = Path(__file__).with_name("gateway-forced-command")
"""The only thing that the gateway's ssh key may run on a node: `command="/usr/local/sbin/gateway-forced-command"`."""
