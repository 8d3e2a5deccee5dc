"""Private files: what only the gateway's user may read, in the state folder."""

import os
import secrets
from pathlib import Path

from gateway.app.places import make_state_dir
from gateway.model.errors import ConfigError


def write_private(path: Path, text: str) -> None:
    """
    Put a file in place as a whole, mode 0600, in a folder of mode 0700. As root, it belongs to whom the state folder
    belongs: the commands are typed as root, and the service has to read it.

    Raises:
        ConfigError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        above = make_state_dir(path.parent).parent.stat()
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            if os.geteuid() == 0:
                os.chown(path.parent, above.st_uid, above.st_gid, follow_symlinks=False)
                os.fchown(file.fileno(), above.st_uid, above.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}. Give its folder to the gateway.") from error
