"""Loads an estate of 2,000 hosts with 100,000 VMs into a database file; prints what it took as one JSON line."""

import json
import resource
import sys
import time
from pathlib import Path

from gateway.support.memory import pace_garbage_collection
from tests.benchmarks.estates import LoadedEstate


def main(folder: str, hosts: int) -> None:
    pace_garbage_collection()
    before_s, wall_s = time.process_time(), time.monotonic()
    estate = LoadedEstate(Path(folder), hosts, ha_clusters=hosts // 20)
    loaded = {
        "cpu_s": time.process_time() - before_s,
        "wall_s": time.monotonic() - wall_s,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "entities": len(estate.reconciler.snapshot.entities),
        "file_mb": sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20,
    }
    estate.close()
    print(json.dumps(loaded))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
