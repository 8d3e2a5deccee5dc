"""`gateway mib`: the MIB under the number that is given, configured, or neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app.commands_mib import FILE, mib
from gateway.model.errors import ConfigError
from tests.schema import smi

TEXT = smi.MIB.read_text()


def said(*arguments: str) -> tuple[str, str]:
    """(standard output, standard error)"""
    done = CliRunner().invoke(mib, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout, done.stderr


def test_without_a_number_it_is_the_documentation_number_and_says_so():
    text, warned = said()
    assert text == TEXT
    assert "1.3.6.1.4.1.32473.7163 is below a number for documentation" in warned
    assert "publishers.snmp.enterprise" in warned


def test_a_number_moves_the_whole_module():
    text, warned = said("--enterprise", "4711.3")
    assert smi.parse(text).oids["topoEntityName"] == (1, 3, 6, 1, 4, 1, 4711, 3, 1, 3, 1, 5)
    assert warned == ""


def test_the_number_of_the_configuration_is_used(tmp_path: Path):
    file = tmp_path / "gateway.toml"
    file.write_text("[publishers.snmp]\nenterprise = 4711\n")
    text, _ = said("--config", str(file))
    assert smi.parse(text).oids["topologyGatewayMIB"] == (1, 3, 6, 1, 4, 1, 4711)


def test_an_export_has_the_mib_and_the_content_with_the_same_oids(tmp_path: Path):
    said("--enterprise", "4711.3", "--export", str(tmp_path / "out"))
    written = {path.relative_to(tmp_path / "out"): path.read_text() for path in (tmp_path / "out").rglob("*.*")}
    assert written[Path(FILE)] == said("--enterprise", "4711.3")[0]
    assert not any("32473" in text for path, text in written.items() if path != Path(FILE))


def test_no_secret_of_the_configuration_is_needed_for_the_mib(tmp_path: Path):
    file = tmp_path / "gateway.toml"
    secrets = '[publishers.snmp.communities.a]\ncommunity = "env:NOT_SET"\n[publishers.rest]\ntls_key = "none"\n'
    file.write_text(f"[publishers.snmp]\nenterprise = 4711\n{secrets}")
    text, _ = said("--config", str(file))
    assert smi.parse(text).oids["topologyGatewayMIB"] == (1, 3, 6, 1, 4, 1, 4711)


def test_the_number_of_the_environment_wins_without_a_secret_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "gateway.toml"
    file.write_text('[receivers.a]\nkind = "snmp"\nhost = "noc"\ncommunity = "env:NOT_SET"\n')
    monkeypatch.setenv("GATEWAY_PUBLISHERS__SNMP__ENTERPRISE", "4711.5")
    text, _ = said("--config", str(file))
    assert smi.parse(text).oids["topologyGatewayMIB"] == (1, 3, 6, 1, 4, 1, 4711, 5)


@pytest.mark.parametrize("name", ["/proc/x", "file/below"])
def test_an_export_that_cannot_be_written_is_one_line_that_says_where(tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    done = CliRunner().invoke(mib, ["--enterprise", "4711", "--export", str(tmp_path / name)])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith(f"--export {tmp_path / name}: cannot be written: ")
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("number", ["1.3.6.1.4.1.4711.3", ".1.3.6.1.4.1.4711.3"])
def test_the_oid_as_a_whole_is_taken_as_what_it_means(number: str):
    assert said("--enterprise", number) == said("--enterprise", "4711.3")


@pytest.mark.parametrize(
    "number", ["0", "0.1", "", ".", ".4711", "1.3.6.1.4.1", "1.3.6.1.4.1.0", "1.3.6.1.2.1", "4711."]
)
def test_what_can_be_no_enterprise_is_refused(number: str):
    done = CliRunner().invoke(mib, ["--enterprise", number])
    assert isinstance(done.exception, ConfigError)
    assert f"--enterprise: {number!r} is no" in str(done.exception)
    assert "Give the digits of yours" in str(done.exception)


def test_what_is_no_number_is_refused_with_what_to_give():
    done = CliRunner().invoke(mib, ["--enterprise", "example"])
    assert "'example' is no enterprise number. Give the digits of yours" in str(done.exception)
