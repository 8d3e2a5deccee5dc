"""Plug-ins are found without being imported, and a missing one says what to do."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app.plugins import collector_plugin, extra_of, kinds, source_settings
from gateway.model.errors import ConfigError

THIRD_PARTY = Path(__file__).parent / "thirdparty"


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(THIRD_PARTY))
    sys.modules.pop("estate_collector", None)
    yield
    sys.modules.pop("estate_collector", None)


def test_the_built_in_kinds_are_known() -> None:
    assert "pacemaker" in kinds()


@pytest.mark.usefixtures("third_party")
def test_a_third_partys_kind_is_found_by_its_entry_point_and_imported_only_when_used() -> None:
    assert kinds()["estate"] == "estate_collector:PLUGIN"
    assert "estate_collector" not in sys.modules
    assert collector_plugin("estate").title == "Estate in a file"
    assert source_settings("estate").__name__ == "EstateSettings"


@pytest.mark.usefixtures("third_party")
def test_a_missing_library_names_the_line_that_installs_it() -> None:
    with pytest.raises(ConfigError, match=r"a_library_that_nobody_has.* run: /.*/bin/pip install '\.\[all\]'$"):
        collector_plugin("needy")


def test_of_a_library_that_pip_builds_the_packages_that_it_needs_are_named() -> None:
    script = "import sys; sys.modules['libvirt'] = None; import gateway.app.plugins as p; p.collector_plugin('libvirt')"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stderr
    packages = "apt-get install python3-dev gcc pkg-config libvirt-dev"
    assert re.search(rf"ConfigError: the library 'libvirt' .* run: {packages} && /.*/pip install '\.\[libvirt\]'", said)


def test_each_built_in_kind_has_its_own_extra() -> None:
    assert extra_of("pacemaker") == "pacemaker"


def test_an_unknown_kind_lists_the_known_and_guesses() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'pacemaker'\? Known: .*pacemaker"):
        collector_plugin("pacemakr")
