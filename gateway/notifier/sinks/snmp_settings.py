"""Settings of a receiver of SNMP traps."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from gateway.config.misfits import Misfit, misfits
from gateway.config.settings import Settings
from gateway.schema.snmp.user_fields import UserFields


class SnmpTrapSettings(Settings, UserFields):
    """`[receivers.NAME] kind = "snmp"`: where traps go, in which version, with which credentials."""

    kind: Literal["snmp"] = Field(description='Write kind = "snmp".')
    enabled: bool = Field(default=True, description="Give true or false.")
    host: str = Field(min_length=1, max_length=255, description="Give the receiver's name or address.")
    port: int = Field(default=162, ge=1, le=65535, description="Give a UDP port; the usual one is 162.")
    version: Literal["1", "2c", "3"] = Field(default="2c", description='Give "1", "2c" or "3".')
    community: SecretStr | None = Field(default=None, description="Give the community, or community_file.")
    user: str | None = Field(default=None, min_length=1, max_length=32, description="Name the user of SNMPv3.")

    @model_validator(mode="after")
    def _fitting(self) -> "SnmpTrapSettings":
        if found := [*(self._of_version_3() if self.version == "3" else self._of_versions_1_and_2())]:
            raise misfits(found)
        return self

    def _of_version_3(self) -> Iterator[Misfit]:
        if self.user is None:
            yield ("user",), 'version = "3" needs a user. Add user, auth and auth_password'
        if self.community is not None:
            yield ("community",), 'version = "3" has no community. Take it out'
        for key, said in self.credentials().misfits():
            yield (key,), said

    def _of_versions_1_and_2(self) -> Iterator[Misfit]:
        if self.community is None:
            yield ("community",), f'version = "{self.version}" needs a community. Add community or community_file'
        given = (("user", self.user), ("auth", self.auth), ("priv", self.priv))
        more = (("auth_password", self.auth_password), ("priv_password", self.priv_password))
        for key, value in (*given, *more):
            if value is not None:
                yield (key,), f'version = "{self.version}" has no user. Take it out, or set version = "3"'
