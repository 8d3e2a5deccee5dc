"""The guests' image: Debian's cloud kernel, busybox and the QEMU guest agent, made once and kept in a cache."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.requirements import SEARCH_PATH

GUEST_INIT = Path(__file__).with_name("guest") / "init"
KERNEL_PACKAGE = "linux-image-cloud-amd64"
PACKAGES = (
    *("qemu-guest-agent", "busybox-static"),
    *("libglib2.0-0", "liburing2", "libnuma1", "libudev1", "libpcre2-8-0"),
)
MODULES = (  # in the order of insmod: virtio_ring must come before virtio
    *("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"),
    *("failover", "net_failover", "virtio_net", "virtio_console", "virtio_balloon"),
    *("pvpanic", "pvpanic-mmio", "qemu_fw_cfg"),
)
LIBRARIES = "lib/x86_64-linux-gnu"
VERSION = "1"  # counts up when what is in the image changes
# ioperm(0x443, 1, 1); outb(14, 0x443): an ib700 watchdog fires in 2 s; exit(0). The kernel has no /dev/port.
ARM_WATCHDOG = bytes.fromhex("b8ad000000bf43040000be01000000ba010000000f0566ba4304b00eeeb83c00000031ff0f05")


@dataclass(frozen=True, slots=True)
class GuestImage:
    """What a guest boots."""

    kernel: Path
    initrd: Path

    @property
    def complete(self) -> bool:
        return self.kernel.exists() and self.initrd.exists()


def cache() -> Path:
    """Where images are kept: `gateway-lab/libvirt` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "gateway-lab" / "libvirt"


def guest_image() -> GuestImage:
    """
    The image, made when there is none yet; labs that start at the same time wait for one another.

    Raises:
        LabError: a package could not be had, or a tool failed.
    """
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    image = GuestImage(folder / f"kernel-{VERSION}", folder / f"initrd-{VERSION}.gz")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.complete:
            with tempfile.TemporaryDirectory(dir=folder, prefix="work-") as work:
                _make(Path(work), image)
    return image


def _make(work: Path, image: GuestImage) -> None:
    unpacked, root = work / "unpacked", work / "root"
    _fetch(work, unpacked)
    for name in ("bin", "sbin", "modules", "proc", "sys", "dev", "etc", "lib64", "usr/lib", LIBRARIES):
        (root / name).mkdir(parents=True)
    _programs(unpacked, root)
    _modules(unpacked, root)
    (root / "etc/os-release").write_text('NAME="Lab Linux"\nID=lab\nVERSION_ID="1"\nPRETTY_NAME="Lab Linux 1"\n')
    _executable(root / "init", GUEST_INIT.read_bytes())
    packed = work / "initrd.gz"
    _run("sh", "-ec", f"find . | cpio -o -H newc --quiet | gzip -1 > {packed}", folder=root)
    packed.rename(image.initrd)
    _only(unpacked.glob("boot/vmlinuz-*"), "kernel").rename(image.kernel)


def _fetch(work: Path, unpacked: Path) -> None:
    depends = _run("apt-cache", "depends", KERNEL_PACKAGE)
    kernels = re.findall(r"Depends: (linux-image-\S+)", depends)
    if not kernels:
        raise LabError(f"apt knows no {KERNEL_PACKAGE}: run apt-get update\n{depends}")
    _run("apt-get", "download", kernels[-1], *PACKAGES, folder=work)
    for package in work.glob("*.deb"):
        _run("dpkg", "-x", str(package), str(unpacked))


def _programs(unpacked: Path, root: Path) -> None:
    agent = unpacked / "usr/sbin/qemu-ga"
    shutil.copy(unpacked / "bin/busybox", root / "bin/busybox")
    shutil.copy(agent, root / "bin/qemu-ga")
    _executable(root / "bin/arm-watchdog", tiny_elf(ARM_WATCHDOG))
    search = f"{unpacked}/usr/{LIBRARIES}:{unpacked}/{LIBRARIES}"
    for library in re.findall(r"(/\S+)", _run("ldd", str(agent), environment={"LD_LIBRARY_PATH": search})):
        folder = "lib64" if "ld-linux" in library else LIBRARIES
        shutil.copy(Path(library).resolve(), root / folder / Path(library).name)


def _modules(unpacked: Path, root: Path) -> None:
    found = {path.stem.replace("-", "_"): path for path in unpacked.glob("lib/modules/*/kernel/**/*.ko")}
    present = [name for name in MODULES if name.replace("-", "_") in found]  # the others are built in
    for name in present:
        shutil.copy(found[name.replace("-", "_")], root / f"modules/{name}.ko")
    (root / "modules/order").write_text("\n".join(present) + "\n")


def tiny_elf(code: bytes, base: int = 0x400000) -> bytes:
    """A static x86-64 program that is nothing but `code`."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    length = 120 + len(code)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, length, length, 0x1000) + code


def _executable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


def _only(paths: Iterable[Path], what: str) -> Path:
    found = sorted(paths)
    if len(found) != 1:
        raise LabError(f"one {what} is expected in the packages, not {[path.name for path in found]}")
    return found[0]


def _run(*command: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PATH": SEARCH_PATH, "LC_ALL": "C"} | (environment or {}),
        check=False,
    )
    if done.returncode:
        raise LabError(f"guest image: {' '.join(command)}: exit status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
