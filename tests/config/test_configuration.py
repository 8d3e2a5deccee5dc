"""A configuration is checked as a whole; each error names the key, the value and the remedy."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from gateway.config.configuration import Configuration, build, load, parse_toml
from gateway.config.problems import Problem
from gateway.config.settings import Settings, SourceSettings
from gateway.model.conditions import SECOND
from gateway.model.errors import ConfigError

EXPECTED = Path(__file__).parent / "expected"


class ClusterSettings(SourceSettings):
    kind: Literal["cluster"]
    nodes: tuple[str, ...] = Field(min_length=1, description='Name them: nodes = ["n1", "n2"].')
    password: SecretStr | None = None


class User(Settings):
    name: str
    auth_key: SecretStr


class AgentSettings(Settings):
    port: int = Field(default=161, ge=0, le=65535, description="Give a UDP port, 0 to 65535.")
    users: tuple[User, ...] = ()


class ReceiverSettings(Settings):
    kind: Literal["snmp"]
    host: str


class Classes:
    """The settings classes of three plug-ins."""

    def source(self, kind: str) -> type[SourceSettings]:
        if kind != "cluster":
            raise ConfigError("unknown kind of source. Known: cluster.")
        return ClusterSettings

    def receiver(self, kind: str) -> type[Settings]:
        return ReceiverSettings

    def publisher(self, name: str) -> type[Settings]:
        return AgentSettings

    def publishers(self) -> tuple[str, ...]:
        return ("snmp",)

    def problems(self, publishers: Mapping[str, Settings], receivers: Mapping[str, Settings]) -> Iterator[Problem]:
        if "odd" in receivers:
            yield Problem(("receivers", "odd"), ": does not fit.")


def configuration(toml: str, base: Path = Path("/etc/gw"), **environ: str) -> Configuration:
    return build(parse_toml(toml.encode(), "gateway.toml"), Classes(), environ, origin="gateway.toml", base=base)


def errors(toml: str, base: Path = Path("/etc/gw"), **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        configuration(toml, base, **environ)
    return [line.strip() for line in str(caught.value).splitlines()]


def test_an_empty_file_is_a_configuration() -> None:
    made = configuration("")
    assert made.gateway.retention_days == 400
    assert made.settle.blocked == 10 * SECOND
    assert made.publishers["snmp"].model_dump() == {"port": 161, "users": ()}
    assert made.sources == {}


def test_each_table_is_checked_by_its_plug_in() -> None:
    made = configuration('[sources.dev]\nkind = "cluster"\nnodes = ["n1"]\ninterval_s = 15\n')
    dev = made.sources["dev"]
    assert isinstance(dev, ClusterSettings)
    assert (dev.nodes, dev.interval_s, dev.enabled) == (("n1",), 15.0, True)


def test_settle_times_are_seconds_in_the_file_and_microseconds_inside() -> None:
    settle = configuration("[settle]\nblocked = 2.5\nstale_intervals = 5\n").settle
    assert (settle.blocked, settle.stale_intervals, settle.exhausted) == (2_500_000, 5, 15 * SECOND)


def test_what_does_not_fit_between_tables_is_told_with_the_rest() -> None:
    with pytest.raises(ConfigError) as refused:
        configuration('colour = 1\n[receivers.odd]\nkind = "snmp"\nhost = "h"\n')
    assert "colour: unknown section" in str(refused.value)
    assert "receivers.odd: does not fit." in str(refused.value)


def test_all_errors_are_told_at_once_as_golden() -> None:
    document = (EXPECTED / "wrong.toml").read_text()
    with pytest.raises(ConfigError) as caught:
        configuration(document)
    assert f"{caught.value}\n" == (EXPECTED / "wrong.txt").read_text()


def test_a_value_of_the_environment_wins_and_is_named_when_wrong() -> None:
    toml = '[sources.Dev-1]\nkind = "cluster"\nnodes = ["n1"]\n'
    made = configuration(toml, GATEWAY_SOURCES__DEV_1__INTERVAL_S="30", GATEWAY_SOURCES__DEV_1__NODES='["a", "b"]')
    assert made.sources["Dev-1"].model_dump(include={"interval_s", "nodes"}) == {"interval_s": 30, "nodes": ("a", "b")}
    wrong = errors(toml, GATEWAY_SOURCES__DEV_1__INTERVAL_S="0")
    assert "set by the environment variable GATEWAY_SOURCES__DEV_1__INTERVAL_S" in wrong[1]


def test_other_variables_that_begin_alike_are_left_alone() -> None:
    assert configuration("", GATEWAY_PORT="tcp://10.0.0.1:80", GATEWAY_CONFIG="/x").gateway.instance == ""


def test_a_variable_that_goes_through_a_value_is_refused() -> None:
    assert "goes through a key that is no table" in errors("gateway = 1\n", GATEWAY_GATEWAY__LOG="json")[1]


def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    made = configuration('[sources.d]\nkind = "cluster"\nnodes = ["n"]\npassword_file = "secret"\n', tmp_path)
    password = made.sources["d"].model_dump()["password"]
    assert password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(made)
    assert made.warnings == ()


def test_a_secrets_file_that_others_may_read_is_warned_about(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o644)
    made = configuration('[sources.d]\nkind = "cluster"\nnodes = ["n"]\npassword_file = "secret"\n', tmp_path)
    assert made.warnings == (f"{secret} holds a secret and others may read it (mode 0644). Run: chmod o= {secret}",)


def test_a_configuration_that_holds_a_secret_and_that_others_may_read_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[sources.d]\nkind = "cluster"\nnodes = ["n"]\npassword = "s3cret"\n')
    path.chmod(0o644)
    assert load(path, Classes(), {}).warnings == (
        f"{path} holds secrets (password) and others may read it. Run: chmod o= {path}",
    )
    path.chmod(0o640)
    assert load(path, Classes(), {}).warnings == ()


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    toml = '[sources.d]\nkind = "cluster"\nnodes = ["n"]\npassword = "env:DEV_PASSWORD"\n'
    assert "DEV_PASSWORD is not set" in errors(toml)[1]
    monkeypatch.setenv("DEV_PASSWORD", "s3cret")
    assert configuration(toml).sources["d"].model_dump()["password"].get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    "toml",
    [
        '[sources.d]\nkind = "cluster"\nnodes = ["n"]\npassword = ["hunter2"]\n',
        '[publishers.snmp]\nusers = [{name = "u", auth_key = ["hunter2"]}]\n',
        '[publishers.snmp]\nusers = [{name = "u", auth_key = "x", pass_phrase = "hunter2"}]\n',
        '[gateway]\ndatabase = ["postgresql://u:hunter2@h/d"]\n',
    ],
)
def test_no_error_shows_a_secret(toml: str) -> None:
    assert "hunter2" not in "\n".join(errors(toml))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[gateway\n", "is not TOML: "),
        (b"[gateway]\nlog = \xff\n", "line 2: is not UTF-8"),
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"a = " + b"9" * 5_000, "is not TOML: "),
    ],
)
def test_what_is_not_toml_is_refused_in_words(raw: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_toml(raw, "gateway.toml")


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file.*--config"):
        load(tmp_path / "gateway.toml", Classes(), {})


@given(st.binary(max_size=200))
def test_garbage_bytes_never_crash_the_loader(raw: bytes) -> None:
    with suppress(ConfigError):
        build(parse_toml(raw, "x"), Classes(), {}, origin="x", base=Path("/etc"))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
SECTIONS = ["gateway", "sources", "publishers", "receivers", "settle", "snmp", "dev"]
KEYS = ["kind", "nodes", "users", "name", "auth_key", "auth_key_file", "password", "password_file", "interval_s"]
MORE = ["enabled", "state_dir", "database", "database_file", "port", "host", "blocked", "stale_intervals"]
WORDS = st.sampled_from(SECTIONS + KEYS + MORE)
DOCUMENTS = st.dictionaries(
    WORDS | st.text(max_size=5),
    st.recursive(VALUES, lambda inner: st.dictionaries(WORDS, inner, max_size=4), max_leaves=8),
    max_size=5,
)


@given(DOCUMENTS, st.dictionaries(st.from_regex(r"GATEWAY_[A-Z_]{0,20}", fullmatch=True), st.text(max_size=20)))
def test_any_document_is_a_configuration_or_a_config_error(
    document: dict[str, object], environ: dict[str, str]
) -> None:
    with suppress(ConfigError):
        build(document, Classes(), environ, origin="x", base=Path("/nonexistent"))
