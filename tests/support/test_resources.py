"""Resource files are found in a wheel and in an editable install."""

from pathlib import Path

import pytest

from gateway.support.resources import ResourceMissing, resource_dir


def test_a_wheel_has_them_in_its_data_folder(tmp_path: Path) -> None:
    (tmp_path / "gateway" / "_data" / "mibs").mkdir(parents=True)
    assert resource_dir("mibs", tmp_path / "gateway") == tmp_path / "gateway" / "_data" / "mibs"


def test_an_editable_install_has_them_in_the_project() -> None:
    assert (resource_dir("migrations").parent / "pyproject.toml").is_file()


def test_a_folder_beside_site_packages_is_not_mistaken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "mibs").mkdir()
    (tmp_path / "gateway").mkdir()
    with pytest.raises(ResourceMissing, match="install it again"):
        resource_dir("mibs", tmp_path / "gateway")
