"""Fixtures of the crash tests."""

from pathlib import Path

import pytest

from tests.crash.cluster import ScriptedCluster
from tests.crash.gateway import Gateway
from tests.lab.snmptrapd import Snmptrapd


@pytest.fixture
def cluster(tmp_path: Path) -> ScriptedCluster:
    return ScriptedCluster(tmp_path / "cluster", seed=7)


@pytest.fixture
def gateway(tmp_path: Path, cluster: ScriptedCluster, database_url: str, snmptrapd: Snmptrapd) -> Gateway:
    return Gateway(tmp_path, database_url, cluster.prefix[0], snmptrapd.port)
