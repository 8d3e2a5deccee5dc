"""Resource files: MIB, content for consoles, MOF and migrations, in a wheel and in an editable install alike."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


class ResourceMissing(Exception):
    """A folder that belongs to the installation is not there."""


def resource_dir(name: str, package: Path = PACKAGE) -> Path:
    """
    The folder `mibs`, `integrations`, `mof` or `migrations`: in `gateway/_data` of a wheel, else in the project's root.

    Raises:
        ResourceMissing: in neither.
    """
    places = [package / "_data" / name]
    if (package.parent / "pyproject.toml").is_file():
        places.append(package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    looked = ", ".join(map(str, places))
    raise ResourceMissing(
        f"the folder {name!r} of cim-snmp-gateway is missing (looked in {looked}). "
        f"The installation is incomplete: install it again with `pip install --force-reinstall cim-snmp-gateway`."
    )
