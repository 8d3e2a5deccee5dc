"""Fixtures and options that all tests share: databases, labs, and what is left out or may not be skipped."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import libvirt, pacemaker, postgres, snmptrapd
from tests.lab.libvirt import LibvirtLab
from tests.lab.pacemaker import PacemakerLab
from tests.lab.snmptrapd import Snmptrapd

OPTIONAL = "optional: "  # a skip whose reason begins so stays a skip under --require-all


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gateway")
    group.addoption("--benchmarks", action="store_true", help="also run the benchmarks")
    group.addoption("--long", action="store_true", help="also run the full numbers")
    group.addoption(
        "--require-all",
        action="store_true",
        help=f"a skipped test fails, unless its reason begins with {OPTIONAL!r}",
    )


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist registers it too, but not under `-p no:xdist`.
    config.addinivalue_line("markers", "xdist_group(name): tests that run in the same worker")
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's background job ignores SIGINT, and so would the programs that tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {
        name for name, option in (("benchmark", "--benchmarks"), ("long", "--long")) if not config.getoption(option)
    }
    deselected = [item for item in items if any(item.get_closest_marker(n) for n in left_out)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in set(deselected)]
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.xdist_group(_lab_of(item)))


def _lab_of(item: pytest.Item) -> str:
    """What a test shares with others: each lab comes up once, in one worker."""
    if "joined" in item.path.parts:
        return "joined labs"
    return "libvirt lab" if "libvirt" in str(item.path) else "pacemaker lab"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail"):
        _fail_if_required(item.config, report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.skipped:
        _fail_if_required(collector.config, report)


@pytest.fixture(scope="session")
def pacemaker_lab() -> Iterator[PacemakerLab]:
    """A Pacemaker cluster of three nodes; each test that names it begins with everything up and running."""
    with _lab("first", "10.99.7", nodes=3) as lab:
        yield lab


@pytest.fixture(scope="module")
def second_pacemaker_lab() -> Iterator[PacemakerLab]:
    """A cluster of two nodes beside the first one, on a network of its own."""
    with _lab("second", "10.99.8", nodes=2) as lab:
        yield lab


@pytest.fixture(scope="session")
def libvirt_lab() -> Iterator[LibvirtLab]:
    """Three libvirt hosts with a guest each; each test that names it begins with everything up and running."""
    _skip_if(libvirt.missing())
    libvirt.sweep_leftovers()
    name = f"glab-{os.getpid()}"
    with LibvirtLab.up(name, hosts=3, vms=3, net=libvirt.free_net(), uplink=name) as lab:
        yield lab


@pytest.fixture(autouse=True)
def _clean_labs(request: pytest.FixtureRequest) -> None:
    for name in ("pacemaker_lab", "second_pacemaker_lab", "libvirt_lab"):
        if name in request.fixturenames:
            request.getfixturevalue(name).reset()


@pytest.fixture
def start_snmptrapd() -> Iterator[Callable[..., Snmptrapd]]:
    """Start an snmptrapd with the arguments of `Snmptrapd`; it ends with the test."""
    _skip_if(snmptrapd.missing())
    with contextlib.ExitStack() as running:
        yield lambda **arguments: running.enter_context(Snmptrapd(**arguments))


@pytest.fixture(name="snmptrapd")
def running_snmptrapd(start_snmptrapd: Callable[..., Snmptrapd]) -> Snmptrapd:
    """An snmptrapd on loopback with the v2c community `public`; v3 users by `add_user`."""
    return start_snmptrapd()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgres.PostgresServer]:
    """A running PostgreSQL 15 of this test run."""
    _skip_if(postgres.missing())
    postgres.sweep_leftovers()
    server = postgres.PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgresql_url(postgresql_server: postgres.PostgresServer) -> Iterator[str]:
    """SQLAlchemy URL of a fresh PostgreSQL database."""
    with postgresql_server.fresh_database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy URL of a fresh SQLite file."""
    return f"sqlite:///{tmp_path / 'topology.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of a fresh database, once of each product."""
    return request.getfixturevalue(f"{request.param}_url")


def _lab(name: str, net: str, *, nodes: int) -> PacemakerLab:
    _skip_if(pacemaker.missing())
    pacemaker.sweep_leftovers()
    return PacemakerLab.up(f"gateway-lab-{name}-{os.getpid()}", net=net, nodes=nodes)


def _skip_if(reason: str | None) -> None:
    if reason:
        pytest.skip(reason)


def _fail_if_required(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if config.getoption("--require-all") and not reason.startswith(OPTIONAL):
        report.outcome = "failed"
        report.longrepr = f"skipped, but --require-all was given: {reason}"
