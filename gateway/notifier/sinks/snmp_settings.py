"""Settings of a receiver of SNMP traps."""

from typing import Literal

from pydantic import Field, SecretStr, model_validator

from gateway.config.settings import Settings
from gateway.schema.snmp.credentials import V3Credentials


class SnmpTrapSettings(Settings):
    """`[receivers.NAME] kind = "snmp"`: where traps go, in which version, with which credentials."""

    kind: Literal["snmp"] = Field(description='Write kind = "snmp".')
    enabled: bool = Field(default=True, description="Give true or false.")
    host: str = Field(min_length=1, max_length=255, description="Give the receiver's name or address.")
    port: int = Field(default=162, ge=1, le=65535, description="Give a UDP port; the usual one is 162.")
    version: Literal["1", "2c", "3"] = Field(default="2c", description='Give "1", "2c" or "3".')
    community: SecretStr | None = Field(default=None, description="Give the community, or community_file.")
    user: str | None = Field(default=None, min_length=1, max_length=32, description="Name the user of SNMPv3.")
    auth: str | None = Field(default=None, description='Give "SHA-256" or another SHA.')
    auth_password: SecretStr | None = Field(default=None, description="Give a password of at least 8 characters.")
    priv: str | None = Field(default=None, description='Give "AES" or "AES-256".')
    priv_password: SecretStr | None = Field(default=None, description="Give a password of at least 8 characters.")

    @model_validator(mode="after")
    def _fitting(self) -> "SnmpTrapSettings":
        if self.version == "3":
            if self.user is None:
                raise ValueError('version = "3" needs a user. Add user, auth and auth_password')
            if self.community is not None:
                raise ValueError('version = "3" has no community. Take it out')
        elif self.community is None:
            raise ValueError(f'version = "{self.version}" needs a community. Add community or community_file')
        elif self.user is not None or self.auth is not None or self.priv is not None:
            raise ValueError(
                f'version = "{self.version}" has no user. Take user, auth and priv out, or set version = "3"'
            )
        self.credentials().check()
        return self

    def credentials(self) -> V3Credentials:
        """The secrets of SNMPv3 themselves."""
        passwords = (self.auth_password, self.priv_password)
        auth, priv = (each.get_secret_value() if each is not None else None for each in passwords)
        return V3Credentials(self.auth, auth, self.priv, priv)
