"""Tables for people: in a pipe no wider than what is in them."""

import pytest

from gateway.app.console import table


def test_in_a_pipe_columns_are_aligned_and_no_line_ends_in_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    table("Things", ("AT", "NAME"), [("2026-01-31T03:00:00.123456Z", "a"), (None, "[b]"), ("now", "")])
    assert capsys.readouterr().out.splitlines() == [
        "Things",
        "AT                    NAME",
        "2026-01-31T03:00:00Z  a",
        "                      [b]",
        "now",
    ]


def test_long_texts_stand_below_their_row(capsys: pytest.CaptureFixture[str]) -> None:
    table("Alarms", ("NAME",), [("a", "is down", "switch it on"), ("b", "is lost", "")], below=2)
    assert capsys.readouterr().out.splitlines() == [
        "Alarms",
        "NAME",
        "a",
        "    is down",
        "    switch it on",
        "b",
        "    is lost",
    ]


def test_a_cell_of_several_lines_stays_in_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    table("Check", ("WHAT", ""), [("source", "one\ntwo"), ("agent", "")])
    assert capsys.readouterr().out.splitlines() == ["Check", "WHAT", "source  one", "        two", "agent"]


def test_no_rows_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    table("Alarms", ("NAME",), [])
    assert capsys.readouterr().out == "Alarms: none\n"
