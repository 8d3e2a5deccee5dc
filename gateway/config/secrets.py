"""Secrets: given as `NAME_file = "path"`, as `NAME = "env:VARIABLE"`, or in the file itself; never shown."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Warn = Callable[[str], None]
OTHERS = 0o007
"""Mode bits of a file by which anybody on this machine may use it (its group may be the gateway's)."""


def secret_from_environment(value: str, environ: Mapping[str, str] = os.environ) -> str:
    """
    The secret itself; `env:NAME` is looked up.

    Raises:
        ValueError: the variable is not set.
    """
    if not value.startswith("env:"):
        return value
    name = value.removeprefix("env:")
    if name not in environ:
        raise ValueError(f"the environment variable {name} is not set. Set it, or give the secret by a file")
    return environ[name]


def secret_from_file(path: Path, warn: Warn, remedy: str) -> str:
    """
    The first line of a file; warns when others than its owner may read it. `remedy`: what to do when there is none.

    Raises:
        ValueError: it cannot be read, or is empty.
    """
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"{path} cannot be read: {reason}. {remedy}") from error
    if mode & OTHERS:
        warn(f"{path} holds a secret and others may read it (mode {mode & 0o777:04o}). Run: chmod o= {path}")
    if not lines or not lines[0].strip():
        raise ValueError(f"{path} is empty. Write the secret on its first line")
    return lines[0].strip()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a table for a secret that could not be read: the other keys of the table are checked all the same."""

    key: str
    said: str


def read_secrets(values: Any, secrets: Mapping[str, str], base: Path, warn: Warn, literal: Warn) -> Any:
    """
    A settings table with its secrets put in: `NAME_file` and `env:` replaced for the keys in `secrets`, which says of
    each what to do when its file cannot be read.

    A secret that cannot be read, or is given twice, is an `Unreadable`. `literal` gets the name of each secret that
    stands in the table itself.
    """
    if not isinstance(values, Mapping):
        return values
    read = dict(values)
    for name, remedy in sorted(secrets.items()):
        path = read.pop(f"{name}_file", None)
        key = name if path is None else f"{name}_file"
        if path is not None and name in read:
            read[name] = Unreadable(key, f"{name} and {key} are both given. Keep one of them")
            continue
        try:
            if path is not None:
                read[name] = secret_from_file(base / Path(str(path)).expanduser(), warn, remedy)
            elif isinstance(read.get(name), str):
                if not read[name].startswith("env:"):
                    literal(name)
                read[name] = secret_from_environment(read[name])
        except (ValueError, RuntimeError) as error:  # RuntimeError: `~user` of a user who is not
            read[name] = Unreadable(key, str(error))
    return read
