"""Settings of a receiver of SNMP notifications."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.config.misfits import Misfit, misfits
from gateway.notifier.settings import ReceiverSettings
from gateway.schema.snmp.targets import SecurityModel, Target
from gateway.schema.snmp.user_fields import UserFields
from gateway.wire.usm import SecurityLevel

RESOLVE_S = 5.0
"""How long the resolver may take."""

LONGEST_WAIT_S = 600.0


class SnmpTrapSettings(ReceiverSettings, UserFields):
    """`[receivers.NAME] kind = "snmp"`: where traps or informs go, in which version, with which credentials."""

    kind: Literal["snmp"] = Field(description='Write kind = "snmp".')
    host: str = Field(min_length=1, max_length=255, description="Give the receiver's name or address.")
    port: int = Field(default=162, ge=1, le=65535, description="Give a UDP port; the usual one is 162.")
    version: Literal["1", "2c", "3"] = Field(default="2c", description='Give "1", "2c" or "3".')
    community: SecretStr | None = Field(default=None, description="Give the community, or community_file.")
    user: str | None = Field(default=None, min_length=1, max_length=32, description="Name the user of SNMPv3.")
    view: str | None = Field(default=None, description="Name a view of the agent, or leave it out.")
    """Notifications outside this view (`[publishers.snmp.views.NAME]`) are not sent."""
    inform: bool = Field(default=False, description="Give true or false.")
    """Informs are acknowledged: only they are known to have arrived."""
    timeout_s: float = Field(default=2.0, ge=0.05, le=60, description="Give 0.05 to 60 seconds.")
    """How long the first inform waits for its answer; each repetition waits twice as long."""
    retries: int = Field(default=3, ge=0, le=10, description="Give 0 to 10.")
    """How often an inform is repeated before the try counts as failed and a pause begins."""

    @classmethod
    def unread(cls, name: str) -> str:
        return "Make them: gateway snmp user add NAME --for-traps" if name == "keys" else super().unread(name)

    @field_validator("host")
    @classmethod
    def _without_port(cls, host: str) -> str:
        if host.count(":") == 1 or host.startswith("["):
            raise ValueError("must be a name or address alone; a port is given by port = NUMBER")
        return host

    @model_validator(mode="after")
    def _fitting(self) -> "SnmpTrapSettings":
        if found := [
            *self._of_informs(),
            *(self._of_version_3() if self.version == "3" else self._of_versions_1_and_2()),
        ]:
            raise misfits(found)
        return self

    def _of_informs(self) -> Iterator[Misfit]:
        if self.patience_s > LONGEST_WAIT_S:
            said = f"with retries = {self.retries} an inform would wait for {self.patience_s:g} s. Give less of the two"
            yield ("timeout_s",), f"{said}: at most {LONGEST_WAIT_S:g} s in all"

    def _of_version_3(self) -> Iterator[Misfit]:
        if self.user is None:
            yield ("user",), 'version = "3" needs a user. Add user, auth and auth_password'
        if self.community is not None:
            yield ("community",), 'version = "3" has no community. Take it out'
        if self.inform and self.keys is not None:
            said = "keys are those of this gateway's engine, and for informs the receiver's counts. Give the passwords"
            yield ("keys",), said
        for key, said in self.credentials().misfits():
            yield (key,), said

    def _of_versions_1_and_2(self) -> Iterator[Misfit]:
        if self.version == "1" and self.inform:
            yield ("inform",), 'SNMPv1 has no informs. Set version = "2c" or "3", or inform = false'
        if self.community is None:
            yield ("community",), f'version = "{self.version}" needs a community. Add community or community_file'
        given = (("user", self.user), ("auth", self.auth), ("priv", self.priv))
        more = (("auth_password", self.auth_password), ("priv_password", self.priv_password), ("keys", self.keys))
        for key, value in (*given, *more):
            if value is not None:
                yield (key,), f'version = "{self.version}" has no user. Take it out, or set version = "3"'

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def protocol(self) -> str:
        return f"SNMPv{self.version}"

    @property
    def acknowledges(self) -> bool:
        return self.inform

    @property
    def deliver_timeout_s(self) -> float:
        """The name looked up, an engine discovered and its clock learned, and all repetitions of each."""
        return RESOLVE_S + 5 + 4 * self.patience_s if self.inform else RESOLVE_S + 5

    @property
    def patience_s(self) -> float:
        """How long one request and its repetitions wait for an answer."""
        return float(self.timeout_s * (2 ** (self.retries + 1) - 1))

    def target(self, name: str) -> Target:
        """The receiver as SNMP-TARGET-MIB shows it; a community is shown as nothing but a label."""
        model = {"1": SecurityModel.V1, "2c": SecurityModel.V2C, "3": SecurityModel.USM}[self.version]
        level = SecurityLevel.NO_AUTH_NO_PRIV
        if self.auth is not None:
            level = SecurityLevel.AUTH_PRIV if self.priv is not None else SecurityLevel.AUTH_NO_PRIV
        timeout_s, retries = (self.timeout_s, self.retries) if self.inform else (0, 0)
        told = (self.inform, timeout_s, retries, self.runbook_url)
        return Target(name, self.host, self.port, model, level, self.user or name, *told)
