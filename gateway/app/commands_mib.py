"""`gateway mib`: our MIB for a console, under the organisation's own enterprise number."""

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.app.console import note
from gateway.app.locate import config_option, configured
from gateway.app.publishing import ROOT_KEY, root_of
from gateway.app.settings_classes import load_configuration
from gateway.model.errors import ConfigError
from gateway.schema.snmp.arcs import ENTERPRISE, is_documentation, parse_root
from gateway.schema.snmp.mib_text import rerooted
from gateway.support.resources import resource_dir
from gateway.wire.ber import Oid
from gateway.wire.oid import format_oid

FILE = "TOPOLOGY-GATEWAY-MIB.txt"
CONTENT = "integrations"


@click.command(short_help="Print or export the MIB, and what consoles need with it.")
@click.option("--enterprise", metavar="NUMBER[.ARC...]", help="Where it hangs; else publishers.snmp.enterprise.")
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the MIB and the content for consoles into this folder, instead of printing the MIB.",
)
@config_option
def mib(enterprise: str | None, folder: Path | None, config: Path | None) -> None:
    """Print TOPOLOGY-GATEWAY-MIB as this gateway speaks it.

    It hangs below the enterprise number that --enterprise says, else the configuration (publishers.snmp.enterprise),
    else below the number that RFC 5612 keeps for documentation. With --export, what consoles need beside it
    (Icinga, Prometheus) is written too, with the same OIDs.
    """
    root = _root(enterprise, config)
    if is_documentation(root):
        note(
            f"gateway: warning: {format_oid(root)} is below a number for documentation (RFC 5612). Give the number of "
            "your organisation: --enterprise here, publishers.snmp.enterprise in the configuration."
        )
    text = rerooted((resource_dir("mibs") / FILE).read_text(), root)
    if folder is None:
        click.echo(text, nl=False)
        return
    try:
        for path, content in ((Path(FILE), text), *_content(root)):
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
            note(f"{place}")
    except OSError as error:
        said = f"{error.filename or folder}: {error.strerror}. Name a folder that you may write to."
        raise ConfigError(f"--export {folder}: cannot be written: {said}") from error


def _root(enterprise: str | None, config: Path | None) -> Oid:
    if enterprise is not None:
        try:
            return parse_root(enterprise)
        except ValueError as error:
            raise ConfigError(f"--enterprise: {error}.") from error
    path = configured(config)
    if path is None:
        return ENTERPRISE
    return root_of(load_configuration(path, only=[ROOT_KEY]))


def _content(root: Oid) -> Iterator[tuple[Path, str]]:
    """What is there for consoles, its OIDs under the root."""
    source = resource_dir(CONTENT)
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(source), path.read_text().replace(format_oid(ENTERPRISE), format_oid(root))
