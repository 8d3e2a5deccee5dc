"""The names of threads, as the system shows them."""

from pathlib import Path
from threading import Thread

from gateway.support.threads import pool, show_name


def shown() -> str:
    return Path("/proc/thread-self/comm").read_text().rstrip("\n")


def test_the_threads_of_a_pool_show_its_name():
    with pool(1, "rest-now") as threads:
        assert threads.submit(shown).result() == "rest-now_0"


def test_of_a_long_name_the_system_keeps_the_beginning():
    seen: list[str] = []

    def work() -> None:
        show_name()
        seen.append(shown())

    thread = Thread(target=work, name="libvirt kvm-über-17")
    thread.start()
    thread.join()
    assert seen == ["libvirt kvm-üb"]
