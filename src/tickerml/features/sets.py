"""Named, versioned sets of features: `rules@1` in a strategy's `sees`, in `tape.columns` or in the settings.

A set never changes. What a name of it means is frozen in its hash (`catalog.definition`): fold, field, parameters and
stated formula of each member. Whoever changes one of these, a default included, makes a new version of every set that
holds it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tickerml.tape.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The members in order, what they are for, and the hash of what they meant when the set was made."""

    about: str
    names: tuple[str, ...]
    hash: str


SETS: Final = {
    "rules@1": FeatureSet(
        "kinds of features that DCA, Swing and Channel decide by, all on 5m bars; theirs, with their defaults: rules@2",
        (
            *("high(4h, 5m)", "rsi(14, 5m)", "bar(5m).close", "volume_ratio(20, 5m)"),
            *("level_break(240, timeframe=5m)", "level_break_touches(240, timeframe=5m)"),
            *("channel_top(96, timeframe=5m)", "channel_bottom(96, timeframe=5m)"),
            *("channel_position(96, timeframe=5m)", "channel_top_touches(96, timeframe=5m)"),
            *("channel_bottom_touches(96, timeframe=5m)", "bar_volatility(20, 5m)", "atr(14, 5m)"),
        ),
        "36d917feda6d1fbe7a3fe48238bc4e64f22395db26231f9b147c16cd834f3432",
    ),
    "rules@2": FeatureSet(
        "what DCA (5m bars), Swing and Channel (15m bars) decide by, with their defaults",
        (
            *("high(4h, 5m)", "rsi(14, 5m)", "bar(5m).close"),
            *("level_break(300, timeframe=15m)", "level_break_touches(300, timeframe=15m)", "volume_ratio(20, 15m)"),
            *("channel_top(96, timeframe=15m)", "channel_bottom(96, timeframe=15m)"),
            *("channel_position(96, timeframe=15m)", "channel_top_touches(96, timeframe=15m)"),
            "channel_bottom_touches(96, timeframe=15m)",
        ),
        "d74dd78ba76769386fe3bc3d99213181589b49d605efc607d5708000ba2dd564",
    ),
    "micro@1": FeatureSet(
        "order flow and book, at the touch and below it",
        (
            *("microprice", "spread_bps", "queue_imbalance", "ofi_ratio(10s)", "trade_imbalance(1m)", "vpin"),
            *("depth_imbalance(1)", "depth_imbalance(5)", "depth_imbalance(10)", "depth_imbalance(20)"),
            *("kyle_lambda", "volatility", "whale_score(1m)"),
        ),
        "7c703b515fa1d93736bb5b6f4f7ca5bf84e1ef7aa80e2333332324f7a9025f10",
    ),
    "cross@1": FeatureSet(
        "the coin among the others",
        (
            *("corr(BTC, 1h, 24)", "corr(BTC, 1h, 168)", "corr(ETH, 1h, 24)", "corr(ETH, 1h, 168)"),
            *("beta(BTC, 1h, 168)", "relative_strength(24, 1h)", "sector_strength(24, 1h)"),
            *("sector_rotation(24, 1h)", "lead_lag(BTC, 5m, 288)", "cross_spread", "arb_buy_edge", "arb_sell_edge"),
        ),
        "52c0090623b8956c588c95bce8bd46b1a8c7e9d95ff0fec771318ba6c110b9e1",
    ),
    "flow@1": FeatureSet(
        "what venues and news tell beside prices",
        (
            *("funding_rate", "funding_z", "time_to_funding", "open_interest_change(1h)", "liquidation_imbalance"),
            *("cluster_count", "cascade_probability", "sentiment"),
        ),
        "2e885a2796bbdc95a2c36e5ee1008e2660a34ed582964ba35ab424e5b0bed702",
    ),
    "own@1": FeatureSet(
        "the run's own account",
        (*("position", "position_pnl", "position_hours", "exposure", "heat", "drawdown", "position_correlation"),),
        "1950bdc25891a24809f3d1154533a270035519c690a00c4206638a057eb62609",
    ),
}


def members(names: Iterable[str]) -> tuple[str, ...]:
    """The names with each set in place of its name, each once. ConfigError `feature-unknown` for a set there is not."""
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(set_of(name).names if "@" in name else (name,)))
    return tuple(found)


def set_of(name: str) -> FeatureSet:
    """The set of this name. ConfigError `feature-unknown`."""
    found = SETS.get(name.strip())
    if found is None:
        near = difflib.get_close_matches(name, SETS, n=1, cutoff=0.3)
        raise ConfigError(
            "feature-unknown",
            f'no set of features is called "{name}"',
            key=name,
            means=f"there are {', '.join(SETS)}",
            try_=near[0] if near else "",
        )
    return found
