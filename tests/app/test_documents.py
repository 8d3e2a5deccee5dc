"""What README and docs say is what the program takes."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.app.cli import COMMANDS
from gateway.app.places import DATABASE, NAME
from gateway.app.settings_classes import PUBLISHERS, PluginClasses
from gateway.app.sinks import RECEIVER_KINDS
from gateway.app.sources import create_collector
from gateway.collectors.pacemaker.facts import NodeFacts, facts_document
from gateway.collectors.simulated.plan import Deed
from gateway.collectors.simulated.settings import StepSettings
from gateway.config.configuration import build
from gateway.config.settings import GatewaySettings, Settings, SettleSettings
from gateway.model.ports import CollectorContext
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.support import tasks

PROJECT = Path(__file__).parents[2]
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
REFERENCE = (PROJECT / "docs" / "configuration.md").read_text()
EXAMPLES = [
    pytest.param(block, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, block in enumerate(re.findall(r"```toml\n(.*?)```", document.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_configuration(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'"env:(\w+)"', example):
        monkeypatch.setenv(name, f"a long secret for {name}")
    for name in re.findall(r'_file = "([\w.-]+)"', example):
        keys = "80007ed905:" + "ab" * 32 + ":" + "cd" * 16
        (tmp_path / name).write_text(keys if name.endswith(".keys") else "a long enough secret\n")
    made = build(tomllib.loads(example), PluginClasses(), {}, origin="example", base=tmp_path)
    for name, settings in made.sources.items():
        create_collector(name, settings, CollectorContext(lambda: 0, tmp_path, tmp_path))


def test_the_reference_has_every_key() -> None:
    classes: list[type[Settings]] = [
        GatewaySettings,
        SettleSettings,
        *PUBLISHERS.values(),
        *(k.settings for k in RECEIVER_KINDS.values()),
    ]
    classes += [PluginClasses().source(kind) for kind in ("pacemaker", "libvirt", "declared", "simulated")]
    classes += [StepSettings]
    missing = {
        f"{settings.__name__}.{name}"
        for settings in classes
        for name in settings.model_fields
        if not re.search(rf"`{name}(`|\.NAME`)", REFERENCE)
    }
    assert missing == set()
    said = facts_document(NodeFacts("n1"))
    assert {key for key in said if not re.search(rf"^{key} = ", REFERENCE, re.MULTILINE)} == set()
    assert {deed for deed in Deed if f"`{deed}`" not in REFERENCE} == set()


def test_each_verdict_and_each_reason_is_explained() -> None:
    said = (PROJECT / "docs" / "impact.md").read_text()
    assert {word for word in (*Verdict, *VerdictReason) if f"`{word}`" not in said} == set()


def test_urls_of_a_database_are_written_the_same_everywhere() -> None:
    texts = [path.read_text() for path in (*DOCUMENTS, *sorted((PROJECT / "gateway" / "config").glob("*.py")))]
    found = {url for text in texts for url in re.findall(r"(?:postgresql|sqlite)[+\w]*://[\w@:/.-]+", text)}
    assert {url for url in found if url.startswith("postgresql")} == {"postgresql://user@host/db"}
    assert {url for url in found if url.startswith("sqlite")} == {
        "sqlite:////path/topology.db",
        f"sqlite:///{Path('/var/lib') / NAME / DATABASE}",
    }


def test_every_document_is_named_in_the_readme_and_the_reference() -> None:
    readme = (PROJECT / "README.md").read_text()
    for document in DOCUMENTS[1:]:
        assert f"](docs/{document.name})" in readme
        assert f"]({document.name})" in REFERENCE or document.name == "configuration.md"


def test_broad_excepts_are_where_the_supervision_says() -> None:
    found = {
        str(path.relative_to(PROJECT / "gateway"))
        for path in (PROJECT / "gateway").rglob("*.py")
        if re.search(r"^\s*except Exception\b", path.read_text(), re.MULTILINE)
    }
    named = set(re.findall(r"[\w/]+\.py", tasks.__doc__ or ""))
    assert found == named | {"support/tasks.py"}


def test_the_readme_names_every_command() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert {command for command in COMMANDS if not re.search(rf"`(gateway )?{command}\b", readme)} == set()


def test_every_link_of_the_readme_is_there() -> None:
    readme = (PROJECT / "README.md").read_text()
    links = set(re.findall(r"\]\(([\w./-]+)\)", readme)) - {"ARCHITECTURE.md"}
    assert {link for link in links if not (PROJECT / link).exists()} == set()
