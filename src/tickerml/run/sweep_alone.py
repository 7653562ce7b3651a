"""A sweep is of the strategy alone: no trade is refused for what came before it, in a market that is always normal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tickerml.config import Config
from tickerml.config.sections import OLDER
from tickerml.run.setup import Setting

UNLIMITED: Final[dict[str, Any]] = {  # nothing that came before stops a trade: a sweep is of the strategy alone
    **dict.fromkeys(("entries_s", "flips_s", "cooldown_s", "stop_guard_s", "low_profit_s"), 0),
    **dict.fromkeys(("low_profit_loss", "losses_size", "day_off", "day_close"), 1.0),
    **dict.fromkeys(("session_pause", "session_kill", "max_drawdown", "order_share", "max_heat"), 1.0),
    **dict.fromkeys(("max_correlation", "depth_share", "collar_median", "apart", "off_par"), 1.0),
    **dict.fromkeys(("halt_move", "halt_move_major"), 1.0),
    "halt_spread": 1000.0,
    "losses_off": 100,
    "messages_day": 10_000_000,
    "quotes_day": 10_000_000,
    "messages": 64,
    "messages_symbol": 32,
    "cost_floor": 0.0,
}

ALWAYS_NORMAL: Final[dict[str, Any]] = {  # a market that is never anything else
    **dict.fromkeys(("panic_hour", "panic_day", "caution_hour", "caution_day", "caution_size"), 1.0),
    **dict.fromkeys(("euphoria_hour", "euphoria_day", "euphoria_size", "trend", "favour", "chop_target"), 1.0),
    "caution_volatility": 100.0,
}


def alone(setting: Setting) -> Setting:
    """The same settings with limits that refuse nothing for its past, and without regimes.

    What bounds one size by the equity of now stays: a trial that staked more than it may would be none of this account.
    """
    config = _without_older(setting.config)
    limits, regime = replace(config.limits, **UNLIMITED), replace(config.regime, **ALWAYS_NORMAL)
    return replace(setting, config=replace(config, limits=limits, regime=regime))


def _without_older(config: Config) -> Config:
    """The settings with the older names of what is unlimited as they are by default: one that was changed would win."""
    usual: Config = Config()
    changed: dict[str, Any] = {}
    for name, (section, key) in OLDER.items():
        if name in UNLIMITED:
            part = changed.get(section, getattr(config, section))
            changed[section] = replace(part, **{key: getattr(getattr(usual, section), key)})
    return replace(config, **changed)
