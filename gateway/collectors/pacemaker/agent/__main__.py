"""Write the node agent, or the forced command, to standard output."""

import sys

from gateway.collectors.pacemaker.agent import AGENT, FORCED_COMMAND

FILES = {"agent": AGENT, "forced-command": FORCED_COMMAND}


def main(arguments: list[str]) -> int:
    """The exit status: 0, or 2 for a word that is not known."""
    name = arguments[0] if arguments else "agent"
    if name not in FILES or len(arguments) > 1:
        sys.stderr.write("usage: python -m gateway.collectors.pacemaker.agent [agent | forced-command] > FILE\n")
        return 2
    sys.stdout.write(FILES[name].read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
