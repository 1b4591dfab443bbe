"""Configuration: the settings file, parsed once."""

from bagfill.settings.load import (
    DEFAULT_PATH,
    ENVIRONMENT_VARIABLE,
    Area,
    Settings,
    SettingsError,
    load_settings,
    parse_settings,
    settings_path,
)

__all__ = [
    "DEFAULT_PATH",
    "ENVIRONMENT_VARIABLE",
    "Area",
    "Settings",
    "SettingsError",
    "load_settings",
    "parse_settings",
    "settings_path",
]
