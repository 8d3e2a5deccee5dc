"""
A cluster whose every state is known: the tools are a shell script that prints the current state's crm_mon XML.

Each answer is written down (process that asked, number of the state), so that a test knows what a gateway has seen.
"""

import os
import random
from collections.abc import Mapping
from pathlib import Path

NODES = ("n1", "n2", "n3")
RESOURCES = tuple(f"svc-{number:02}" for number in range(12))

TOOL = r"""#!/bin/sh
# crm_mon prints the current state and notes who asked; with the file kill-in-read it kills him half way.
cd "$(dirname "$0")" || exit 1
case "$*" in
  *crm_mon*)
    state=$(readlink current)
    if [ -e kill-in-read ]; then
      rm kill-in-read; head -c 700 "$state"; kill -9 "$PPID"; exit 1
    fi
    echo "$PPID ${state#state-}" >>reads
    cat "$state" ;;
  *cibadmin*) cat cib.xml ;;
  *) exit 64 ;;
esac
"""

CIB = """<cib have-quorum="1"><configuration><crm_config><cluster_property_set id="o">
<nvpair id="n" name="cluster-name" value="prod"/></cluster_property_set></crm_config><nodes/>
<resources>{resources}</resources><constraints/></configuration><status/></cib>
"""


class ScriptedCluster:
    """Twelve resources on three nodes, moved by `step`. `history` holds every state, its number is its index."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._chance = random.Random(seed)
        self.history: list[Mapping[str, str]] = []
        folder.mkdir()
        tool = folder / "tool"
        tool.write_text(TOOL)
        tool.chmod(0o755)
        primitives = "".join(
            f'<primitive id="{name}" class="ocf" provider="heartbeat" type="Dummy"/>' for name in RESOURCES
        )
        (folder / "cib.xml").write_text(CIB.format(resources=primitives))
        self._show({name: NODES[number % 3] for number, name in enumerate(RESOURCES)})

    @property
    def prefix(self) -> list[str]:
        return [str(self.folder / "tool")]

    def step(self) -> None:
        """Move one to three resources."""
        places = dict(self.history[-1])
        for name in self._chance.sample(RESOURCES, self._chance.randint(1, 3)):
            places[name] = self._chance.choice([node for node in NODES if node != places[name]])
        self._show(places)

    def kill_in_read(self) -> None:
        """The process that reads next is killed when it has half of the answer."""
        (self.folder / "kill-in-read").touch()

    def reads(self) -> list[tuple[int, int]]:
        """(process, number of the state it was shown), in order."""
        path = self.folder / "reads"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), int(state)) for pid, state in (line.split() for line in lines)]

    def forget(self, process: int, asked: int) -> None:
        """Of all but the first so many answers drop those to this process: it could commit none of them."""
        path = self.folder / "reads"
        kept = [read for number, read in enumerate(self.reads()) if number < asked or read[0] != process]
        path.write_text("".join(f"{pid} {state}\n" for pid, state in kept))

    def _show(self, places: Mapping[str, str]) -> None:
        number = len(self.history)
        self.history.append(places)
        (self.folder / f"state-{number}").write_text(view(places))
        temporary = self.folder / "next"
        temporary.symlink_to(f"state-{number}")
        os.replace(temporary, self.folder / "current")


def view(places: Mapping[str, str]) -> str:
    """The crm_mon XML of a healthy cluster with these resources on these nodes."""
    nodes = "".join(
        f'<node name="{name}" id="{number}" online="true" standby="false" standby_onfail="false" maintenance="false" '
        f'pending="false" unclean="false" shutdown="false" expected_up="true" is_dc="{str(number == 1).lower()}" '
        f'resources_running="4" type="member"/>\n'
        for number, name in enumerate(NODES, 1)
    )
    resources = "".join(
        f'<resource id="{name}" resource_agent="ocf:heartbeat:Dummy" role="Started" active="true" orphaned="false" '
        f'blocked="false" managed="true" failed="false" failure_ignored="false" nodes_running_on="1">'
        f'<node name="{node}" id="{NODES.index(node) + 1}" cached="true"/></resource>\n'
        for name, node in places.items()
    )
    return (
        '<pacemaker-result api-version="2.25" request="crm_mon -1 --inactive --output-as=xml">\n<summary>'
        '<current_dc present="true" version="2.1.5" name="n1" id="1" with_quorum="true" mixed_version="false"/>'
        '<cluster_options stonith-enabled="true" symmetric-cluster="true" no-quorum-policy="stop" '
        'maintenance-mode="false" stop-all-resources="false"/></summary>\n'
        f"<nodes>\n{nodes}</nodes>\n<resources>\n{resources}</resources>\n<node_history/>"
        '<status code="0" message="OK"/>\n</pacemaker-result>\n'
    )
