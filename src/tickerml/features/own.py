"""What a strategy may see of the run's own account (see `engine/own.py`, which works them out at each wake).

A strategy names them in `sees` as it names features of the market. They hold at the wake: fills that we were told of,
marks of the newest rows. Research has no account, so there they are unavailable (NaN). Compiled detectors cannot read
them; what a detector may know of positions is in its `a`.
"""

from __future__ import annotations

from typing import Final

OWN: Final = {
    "position": "share of equity; signed value of what is held of the instrument, at the mark; 0 = nothing",
    "position_pnl": "fraction of what it cost; profit at the price that closing would get; NaN = nothing is held",
    "position_hours": "hours; since the first fill; NaN = nothing is held",
    "exposure": "share of equity; sum of signed values of all positions",
    "gross_exposure": "share of equity; sum of unsigned values of all positions",
    "open_pnl": "share of equity; unrealised profit of all positions at their marks",
    "positions": "count; setups under way, with those that wait for their first fill",
    "heat": "share of the budget limits.max_heat; sum of what all setups lose at their stops, worst case",
    "drawdown": "fraction; 1 - equity / its highest at a BALANCE row so far, at least 0",
    "position_correlation": "-1 to 1; mean correlation with the open positions by value, counted by their side",
}
