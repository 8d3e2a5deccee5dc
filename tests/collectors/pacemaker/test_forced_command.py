"""The forced command, run by a real shell."""

import os
import subprocess
import sys

import pytest

from gateway.collectors.pacemaker.agent import AGENT, FORCED_COMMAND

CRM_MON = "crm_mon -1 --inactive --output-as=xml"


@pytest.fixture
def asks(tmp_path):
    """Runs the script with tools that tell how they were called."""
    for tool in ("crm_mon", "cibadmin"):
        path = tmp_path / tool
        path.write_text('#!/bin/sh\necho "$(basename "$0") $* TZ=$TZ LC_ALL=$LC_ALL CIB_file=$CIB_file"\n')
        path.chmod(0o755)
    script = tmp_path / "forced"
    script.write_text(FORCED_COMMAND.read_text().replace("PATH=/usr/sbin:", f"PATH={tmp_path}:/usr/sbin:"))

    def ask(command: str | None) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "CIB_file": "/etc/shadow", "TZ": "Asia/Tokyo"}
        if command is not None:
            environment["SSH_ORIGINAL_COMMAND"] = command
        return subprocess.run(["/bin/sh", script], env=environment, capture_output=True, text=True, timeout=10)

    return ask


@pytest.mark.parametrize("before", ["", "TZ=UTC LC_ALL=C ", "env TZ=UTC LC_ALL=C "])
def test_the_two_reads_are_allowed(asks, before):
    assert asks(before + CRM_MON).stdout == "crm_mon -1 --inactive --output-as=xml TZ=UTC LC_ALL=C CIB_file=\n"
    assert asks(before + "cibadmin -Q").stdout == "cibadmin -Q TZ=UTC LC_ALL=C CIB_file=\n"


@pytest.mark.parametrize(
    "command",
    [
        None,
        "",
        "sh",
        "cibadmin -Q -o nodes",
        "cibadmin --erase --force",
        "cibadmin -Q; reboot",
        CRM_MON + "\nreboot",
        CRM_MON + " $(reboot)",
        "crm_mon  -1 --inactive --output-as=xml",
        "TZ=UTC LC_ALL=C CIB_file=/etc/shadow cibadmin -Q",
        "*",
    ],
)
def test_anything_else_is_refused_with_126(asks, command):
    done = asks(command)
    assert (done.returncode, done.stdout) == (126, "")
    assert "refused" in done.stderr


@pytest.mark.parametrize(("word", "file"), [((), AGENT), (("agent",), AGENT), (("forced-command",), FORCED_COMMAND)])
def test_both_files_can_be_taken_out_of_the_package(word, file):
    words = [sys.executable, "-m", "gateway.collectors.pacemaker.agent", *word]
    assert subprocess.run(words, capture_output=True, check=True, timeout=30).stdout == file.read_bytes()


def test_another_word_is_refused():
    words = [sys.executable, "-m", "gateway.collectors.pacemaker.agent", "x"]
    assert subprocess.run(words, capture_output=True, timeout=30).returncode == 2
