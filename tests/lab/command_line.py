"""What the command lines of all labs have in common: which lab, a verb and its words, errors in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tests.lab.errors import LabError

Run = Callable[[str, str, str, list[str]], int]
"""Does one verb: name and network of the lab, verb, its words; returns the exit status."""


def main(package: str, about: str | None, run: Run, *, name: str, net: str) -> int:
    """Run the command line of a lab's package. `name`, `net`: of the lab when nothing else is said."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {package}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", default=name, help="which lab (%(default)s); stands before the verb")
    parser.add_argument("--net", default=net, help="the network of a new one (%(default)s); stands before the verb")
    parser.add_argument("verb")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    try:
        return run(given.name, given.net, given.verb.replace("-", "_"), given.arguments)
    except (LabError, TypeError) as error:
        print(f"{given.verb}: {error}", file=sys.stderr)
        return 1
