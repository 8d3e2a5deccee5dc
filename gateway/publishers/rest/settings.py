"""`[publishers.rest]`: where the REST application listens, and how it is protected."""

import ssl
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gateway.config.addresses import Address as Address
from gateway.config.addresses import parse_address as parse_address
from gateway.config.settings import Settings
from gateway.model.errors import ConfigError

UNIX_PATH_BYTES = 107
"""Longest path of a UNIX socket on Linux (sun_path, unix(7))."""


class RestSettings(Settings):
    """The REST publisher: one TCP address (with TLS when it is not loopback), and the command line's UNIX socket."""

    enabled: bool = Field(default=True, description="Give true or false.")
    """False: no TCP address; the UNIX socket of the command line stays."""
    tls_certificate: Path | None = Field(default=None, description="Name a PEM file with the certificate chain.")
    tls_key: Path | None = Field(default=None, description="Name the PEM file with the certificate's private key.")
    listen: str = Field(
        default="127.0.0.1:8080", validate_default=True, description='Give ADDRESS:PORT, such as "127.0.0.1:8080".'
    )
    unix_socket: Path | None = Field(default=None, description="Name a file in a folder only you may enter.")
    """Default: set by the command line to a file in the state folder."""
    metrics_need_token: bool | None = Field(default=None, description="Give true or false.")
    """Whether /metrics needs a token; default: not on a loopback address, yes on any other."""
    max_connections: int = Field(default=512, ge=1, le=65_536, description="Give a number from 1 to 65536.")

    @field_validator("listen")
    @classmethod
    def _loopback_or_tls(cls, listen: str, info: ValidationInfo) -> str:
        address = parse_address(listen)
        if not address.loopback and info.data.get("tls_certificate") is None:
            raise ValueError(
                "is not a loopback address, and tokens must not travel in clear text: set "
                "publishers.rest.tls_certificate and publishers.rest.tls_key, or listen on 127.0.0.1:8080"
            )
        return listen

    @field_validator("unix_socket")
    @classmethod
    def _short_enough(cls, path: Path | None) -> Path | None:
        if path is not None and len(bytes(path)) > UNIX_PATH_BYTES:
            raise ValueError(f"a UNIX socket's path has at most {UNIX_PATH_BYTES} bytes, this one {len(bytes(path))}")
        return path

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both or neither")
        return self

    def check_tls(self) -> None:
        """
        Read the certificate and its key, as the server will.

        Raises:
            ConfigError: which of the two files is at fault, and why.
        """
        if self.tls_certificate is None or self.tls_key is None:
            return
        for key, path in (("tls_certificate", self.tls_certificate), ("tls_key", self.tls_key)):
            try:
                path.read_bytes()
            except OSError as error:
                raise ConfigError(
                    f"publishers.rest.{key} = {path}: {error.strerror}. Name a PEM file that this user may read."
                ) from error
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.tls_certificate, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"publishers.rest.tls_certificate = {self.tls_certificate}, tls_key = {self.tls_key}: {error}. "
                "Both must be PEM files, and belong together."
            ) from error

    @property
    def address(self) -> Address:
        """Where it listens."""
        return parse_address(self.listen)

    @property
    def open_metrics(self) -> bool:
        """True when /metrics answers without a token."""
        if self.metrics_need_token is not None:
            return not self.metrics_need_token
        return self.address.loopback
