"""User fields: the keys by which a user of SNMPv3 is configured, the same for the agent and for receivers."""

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from gateway.schema.snmp.credentials import V3Credentials, check_password, known_protocol
from gateway.schema.snmp.keys import LocalizedKeys
from gateway.wire.usm import AuthProtocol, PrivProtocol


class UserFields(BaseModel):
    """Mixed into a settings class. Each key is checked by itself; `credentials().misfits()` says what does not fit."""

    allow_weak: bool = Field(default=False, description="Say true only for a console that has nothing but MD5 or DES.")
    """MD5 and DES protect nobody any more, so they have to be asked for."""
    auth: str | None = Field(default=None, description='Give "SHA-256" or another SHA.')
    auth_password: SecretStr | None = Field(default=None, description="Give a password of at least 8 characters.")
    priv: str | None = Field(default=None, description='Give "AES" or "AES-256".')
    priv_password: SecretStr | None = Field(default=None, description="Give a password of at least 8 characters.")
    keys: SecretStr | None = Field(default=None, description="Run: gateway snmp user add NAME.")
    """Keys of this gateway's engine (`LocalizedKeys`), in place of the passwords that they were made from."""

    @field_validator("auth")
    @classmethod
    def _auth(cls, name: str | None, info: ValidationInfo) -> str | None:
        return _known(AuthProtocol, name, info)

    @field_validator("priv")
    @classmethod
    def _priv(cls, name: str | None, info: ValidationInfo) -> str | None:
        return _known(PrivProtocol, name, info)

    @field_validator("auth_password", "priv_password")
    @classmethod
    def _passwords(cls, password: SecretStr | None) -> SecretStr | None:
        if password is not None:
            check_password(password.get_secret_value())
        return password

    @field_validator("keys")
    @classmethod
    def _keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            LocalizedKeys.parse(keys.get_secret_value())
        return keys

    def credentials(self) -> V3Credentials:
        """The secrets themselves."""
        passwords = (self.auth_password, self.priv_password)
        auth, priv = (each.get_secret_value() if each is not None else None for each in passwords)
        localized = LocalizedKeys.parse(self.keys.get_secret_value()) if self.keys is not None else None
        return V3Credentials(self.auth, auth, self.priv, priv, localized)


def _known(protocols: type[AuthProtocol] | type[PrivProtocol], name: str | None, info: ValidationInfo) -> str | None:
    if name is None:
        return None
    return known_protocol(protocols, name, weak=bool(info.data.get("allow_weak")), allowing="allow_weak = true")
