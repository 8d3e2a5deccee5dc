"""libvirt's event loop: one thread that sleeps while nothing happens, and does not outlive the process."""

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("libvirt")


def run(code: str, timeout_s: float = 60) -> str:
    """What a process prints that runs `code`; it has to end by itself."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_process_ends_while_connections_are_open_and_callbacks_registered() -> None:
    code = """
        import threading, libvirt
        from gateway.collectors.libvirt.loop import EVENT_LOOP
        for _ in range(3):
            EVENT_LOOP.start()
        told = []
        connection = libvirt.open("test:///default")
        connection.domainEventRegisterAny(None, 0, lambda *_: told.append(1), None)
        domain = connection.lookupByName("test")
        for _ in range(20):
            domain.suspend()
            domain.resume()
        print(threading.active_count())
    """
    assert run(code) == "2\n"


def test_it_uses_no_time_while_nothing_happens() -> None:
    code = """
        import time
        from gateway.collectors.libvirt.loop import EVENT_LOOP
        EVENT_LOOP.start()
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(1.5)
        print(time.process_time() - before)
    """
    assert float(run(code)) < 0.1


def test_errors_are_not_written_to_standard_error_beside_the_exception() -> None:
    code = """
        import libvirt
        from gateway.collectors.libvirt.loop import EVENT_LOOP
        EVENT_LOOP.start()
        try:
            libvirt.open("qemu+tcp://127.0.0.1:1/system")
        except libvirt.libvirtError as error:
            print("refused" in str(error))
    """
    assert run(code) == "True\n"


def test_it_rests_between_turns_however_much_there_is_to_do() -> None:
    code = """
        import time, libvirt
        from gateway.collectors.libvirt.loop import EVENT_LOOP, LONGEST_REST_S
        EVENT_LOOP.start()
        turns = []
        libvirt.virEventAddTimeout(0, lambda *_: turns.append(1), None)  # is due in each turn
        time.sleep(0.2)
        before, seen, began = time.process_time(), len(turns), time.monotonic()
        time.sleep(1.5)
        spent, wall = time.process_time() - before, time.monotonic() - began
        print(spent / wall, (len(turns) - seen) * LONGEST_REST_S / wall)
    """
    share, turns_for_each_longest_rest = map(float, run(code).split())
    assert share < 0.1
    assert turns_for_each_longest_rest > 0.3
