"""The clock never runs backwards, whatever the wall clock does."""

import logging
import time

import pytest

from gateway.support.clock import FakeClock, SystemClock


class Wall:
    """The two clocks of the system, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_s, self.tick_s = 1_000_000.0, 50.0
        monkeypatch.setattr(time, "time_ns", lambda: round(self.wall_s * 1e9))
        monkeypatch.setattr(time, "monotonic_ns", lambda: round(self.tick_s * 1e9))

    def go_on(self, seconds: float) -> None:
        self.wall_s += seconds
        self.tick_s += seconds


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


def test_it_follows_the_wall_clock(wall: Wall) -> None:
    clock = SystemClock()
    wall.go_on(2.5)
    assert clock.now() == 1_000_002_500_000


def test_a_wall_clock_set_back_slows_it_down_and_is_told_once(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    clock = SystemClock()
    wall.wall_s -= 100
    seen = []
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            wall.go_on(1)
            seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] == pytest.approx(49 * 0.9 * 1e6)
    assert len(caplog.records) == 1
    assert "99.0 s behind" in caplog.text


def test_it_joins_the_wall_clock_again_when_that_has_caught_up(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    clock = SystemClock()
    wall.wall_s -= 10
    clock.now()
    wall.go_on(101)
    with caplog.at_level(logging.INFO):
        clock.now()
        assert clock.now() == round(wall.wall_s * 1e6)
    assert "caught up" in caplog.text


def test_a_small_step_back_is_not_worth_a_warning(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    clock = SystemClock()
    before = clock.now()
    wall.wall_s -= 0.5
    assert clock.now() >= before
    assert not caplog.records


def test_it_never_answers_less_than_the_database_holds(wall: Wall) -> None:
    clock = SystemClock()
    clock.not_before(2_000_000_000_000)
    wall.go_on(1)
    assert clock.now() >= 2_000_000_000_000


def test_the_fake_clock_goes_on_only_when_told() -> None:
    clock = FakeClock(10)
    clock.advance(1.5)
    clock.set(5)
    assert (clock.now(), clock.monotonic()) == (1_500_010, 1.5)
