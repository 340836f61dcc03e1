"""Settings from the environment and `.env`; only entry points build them."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.access import Role
from core.errors import InvalidInput
from core.policies import Policy
from core.telemetry import VALID_RANGES, Quantity, ValidRange


def _not_blank(value: str) -> str:
    if not value.strip():
        message = "must not be blank"
        raise ValueError(message)
    return value


NonBlank = Annotated[str, AfterValidator(_not_blank)]


PRODUCTION_BACKUP_DUE_H = 36.0


class Settings(BaseSettings):
    """Every setting of the product; see `.env.example` for what each one means."""

    model_config = SettingsConfigDict(
        env_prefix="GFO_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    app_name: NonBlank = "Global Fleet Orchestrator"
    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path("var")
    feeds_dir: Path | None = None
    host: NonBlank = "127.0.0.1"
    port: int = Field(default=8050, ge=1, le=65_535)
    web_workers: int = Field(default=2, ge=1, le=64)
    trusted_proxy_count: int = Field(default=0, ge=0, le=5)
    secrets_dir: Path | None = None
    secret_key: SecretStr | None = None
    metrics_token: SecretStr | None = None
    admin_name: NonBlank = "admin"
    admin_password: SecretStr | None = None

    database_url: SecretStr | None = Field(
        default=None, validation_alias="DATABASE_URL"
    )
    database_owner_url: SecretStr | None = Field(
        default=None, validation_alias="DATABASE_OWNER_URL"
    )
    database_auditor_url: SecretStr | None = Field(
        default=None, validation_alias="DATABASE_AUDITOR_URL"
    )

    second_factor_roles: Annotated[frozenset[Role], NoDecode] = frozenset()

    api_requests_per_minute: int = Field(default=600, ge=1, le=1_000_000)

    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_scope: NonBlank = "openid profile"
    oidc_name_claim: NonBlank = "preferred_username"
    oidc_role_claim: NonBlank = "groups"
    oidc_roles: Annotated[dict[str, Role], NoDecode] = Field(default_factory=dict)

    public_url: str | None = None

    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None

    heartbeat_url: SecretStr | None = None
    heartbeat_every_minutes: float = Field(default=5.0, ge=0.5, le=60)
    heartbeat_private_hosts: Annotated[frozenset[str], NoDecode] = frozenset()

    anchor_dir: Path | None = None
    anchor_key_file: Path | None = None
    backup_dir: Path | None = None

    demo: bool = True
    demo_seed: int = Field(default=7, ge=0, le=2**31 - 1)

    thermal_limit_c: float = Field(default=35.0, ge=-50, le=100)
    cooling_factor: float = Field(default=0.05, ge=0, le=1)
    confidence_level: Decimal = Field(
        default=Decimal("0.95"), ge=Decimal("0.5"), le=Decimal("0.99")
    )
    telemetry_max_age_hours: float = Field(default=3.0, ge=0.1, le=168)

    backup_max_age_hours: float | None = Field(default=None, ge=1, le=8_784)

    temperature_min_c: float = Field(default=-50.0, ge=-100, le=100)
    temperature_max_c: float = Field(default=60.0, ge=-100, le=100)
    it_load_min_mw: float = Field(default=0.0, ge=0, le=100_000)
    it_load_max_mw: float = Field(default=500.0, ge=0, le=100_000)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"

    @field_validator("second_factor_roles", "heartbeat_private_hosts", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [name.strip() for name in value.split(",") if name.strip()]

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _split_groups(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {group.strip(): role.strip() for group, _, role in pairs}

    def first_policy(self) -> Policy:
        """The fleet policy with which an empty database begins."""
        return Policy(
            thermal_limit_c=self.thermal_limit_c,
            confidence=self.confidence_level,
            cooling_factor_c_per_pct=self.cooling_factor,
            telemetry_max_age_h=self.telemetry_max_age_hours,
        )

    def valid_ranges(self) -> dict[Quantity, ValidRange]:
        """Valid telemetry ranges with the configured temperature and load limits."""
        temperature = ValidRange(self.temperature_min_c, self.temperature_max_c)
        return {
            **VALID_RANGES,
            Quantity.TEMPERATURE_C: temperature,
            Quantity.TEMPERATURE_MAX_C: temperature,
            Quantity.IT_LOAD_MW: ValidRange(self.it_load_min_mw, self.it_load_max_mw),
        }

    @property
    def backup_due_h(self) -> float | None:
        """How old the newest backup may be; None where backups are not watched."""
        if self.backup_max_age_hours is None and self.environment == "production":
            return PRODUCTION_BACKUP_DUE_H
        return self.backup_max_age_hours


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings; a wrong value is one line naming variable, value and range.

    With GFO_SECRETS_DIR, a file of that folder that is named like a variable, such as
    `gfo_secret_key`, gives its value unless the environment does.

    Raises
    ------
    InvalidInput
        When a variable has a value outside its allowed range.
    """
    try:
        settings = Settings(_env_file=env_file)
        if settings.secrets_dir is not None:
            _require_folder(settings.secrets_dir)
            settings = Settings(_env_file=env_file, _secrets_dir=settings.secrets_dir)
    except ValidationError as exc:
        raise InvalidInput(_explain(exc)) from exc
    for low, high in (
        ("temperature_min_c", "temperature_max_c"),
        ("it_load_min_mw", "it_load_max_mw"),
    ):
        if not getattr(settings, low) < getattr(settings, high):
            message = (
                f"GFO_{low.upper()} is {getattr(settings, low)}, which is not below"
                f" GFO_{high.upper()} ({getattr(settings, high)})."
            )
            raise InvalidInput(message)
    return settings


def _require_folder(secrets_dir: Path) -> None:
    if not secrets_dir.is_dir():
        message = f"GFO_SECRETS_DIR is {str(secrets_dir)!r}: there is no such folder."
        raise InvalidInput(message)


def _explain(error: ValidationError) -> str:
    """One line for the first wrong setting; secrets are named but never shown."""
    first = error.errors()[0]
    field_name = str(first["loc"][0])
    variable = variable_name(field_name)
    value = _shown_value(field_name, variable, first["input"])
    return f"{variable} is {value}: {first['msg'].lower()}{_allowed(field_name)}."


def variable_name(field_name: str) -> str:
    """The environment variable that sets the field called `field_name`."""
    if field_name.upper().startswith("DATABASE_"):
        return field_name.upper()
    return f"GFO_{field_name.upper()}"


def _shown_value(field_name: str, variable: str, value: object) -> str:
    field = Settings.model_fields.get(field_name)
    secret = field is None or "SecretStr" in str(field.annotation)
    if secret:
        return "set to something unusable"
    return repr(os.environ.get(variable, value))


def _allowed(field_name: str) -> str:
    field = Settings.model_fields.get(field_name)
    limits = {
        name: getattr(item, name)
        for item in (field.metadata if field else ())
        for name in ("ge", "le")
        if hasattr(item, name)
    }
    if {"ge", "le"} <= limits.keys():
        return f" (allowed: {limits['ge']} to {limits['le']})"
    return ""
