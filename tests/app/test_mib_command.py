"""`gateway mib`: the MIB under the number that is given, configured, or neither."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from gateway.app.commands_mib import FILE, mib
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


def test_what_is_no_number_is_refused_with_what_to_give():
    done = CliRunner().invoke(mib, ["--enterprise", "example"])
    assert "'example' is no enterprise number. Give its digits" in str(done.exception)
