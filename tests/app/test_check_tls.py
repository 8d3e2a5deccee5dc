"""`gateway check` refuses a certificate that the server would refuse."""

from pathlib import Path

from click.testing import CliRunner

from gateway.app.cli import main

CONFIGURATION = """
[gateway]
state_dir = "{folder}/state"

[publishers.snmp]
enabled = false

[publishers.rest]
listen = "127.0.0.1:0"
tls_certificate = "{folder}/rest.pem"
tls_key = "{folder}/rest.key"
"""


def check(tmp_path: Path) -> str:
    configuration = tmp_path / "gateway.toml"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path))
    configuration.chmod(0o600)
    result = CliRunner().invoke(main, ["check", "--config", str(configuration)])
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.output


def test_the_file_that_is_missing_is_named(tmp_path):
    (tmp_path / "rest.pem").write_text("a certificate")
    assert f"publishers.rest.tls_key = {tmp_path}/rest.key: No such file" in check(tmp_path)


def test_what_is_no_certificate_is_said(tmp_path):
    for name in ("rest.pem", "rest.key"):
        (tmp_path / name).write_text("no certificate")
    assert "Both must be PEM files, and belong together." in check(tmp_path)
