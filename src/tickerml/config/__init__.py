"""Settings: one frozen dataclass a section, read from YAML or JSON, environment and command line, all checked at once.

`load(["config.yaml"])` gives a `Config`; `Config()` is all defaults. Each field's comment is its unit and meaning, its
`Range` what is allowed: help, JSON Schema, the default file and docs/settings.md are made from these lines.
"""

from tickerml.config.idle import idle, without_effect
from tickerml.config.load import from_mapping, load, pick, to_mapping, written_at
from tickerml.config.sections import (
    Account,
    Config,
    Data,
    Exchange,
    Fees,
    Latency,
    MlMicrostructure,
    Model,
    PscIntegration,
    Queue,
    Risk,
    Superp,
    Synthetic,
    Trading,
)

__all__ = [
    "Account",
    "Config",
    "Data",
    "Exchange",
    "Fees",
    "Latency",
    "MlMicrostructure",
    "Model",
    "PscIntegration",
    "Queue",
    "Risk",
    "Superp",
    "Synthetic",
    "Trading",
    "from_mapping",
    "idle",
    "load",
    "pick",
    "to_mapping",
    "without_effect",
    "written_at",
]
