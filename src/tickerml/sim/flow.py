"""How the synthetic market moves: a common factor with volatility regimes, and self-exciting taker orders.

Returns follow the factor model of coins.py. Their size is the product of a regime (quiet, normal, stormy: redrawn at
exponential times), a slowly wandering factor (lognormal, so returns have fat tails), the hour of the day and the
scenario. Taker orders arrive as a two-sided Hawkes process with a fast and a slow exponential kernel (Bacry,
Mastromatteo and Muzy, "Hawkes processes in finance", 2015): an order makes more of its own side likely, and a few of
the other. Every order moves the fair price a little for good, and buyers come sooner when it lies above the quotes.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.draws import DRAWS, exp, normal, poisson, uniform
from tickerml.sim.made_book import ASK, BID, LEVELS, best, set_at
from tickerml.sim.scenarios import Event
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import DAY, HOUR, SECOND, Record

STEP: Final = SECOND // 10  # the market's pulse: depth messages come at its end
STEPS_PER_YEAR: Final = 365 * DAY // STEP
PRINTS: Final = 96  # most trades of one coin in one step
_ORDERS: Final = 12  # most taker orders of one side in one step
_WALK: Final = 4  # most levels that one order takes

FAST_DECAY: Final = 0.6065306597126334  # exp(-5 per s x 0.1 s)
SLOW_DECAY: Final = 0.9950124791926823  # exp(-0.05 per s x 0.1 s)
_FAST_SAME, _FAST_OTHER = 0.30 * 5.0, 0.05 * 5.0  # branching ratio x decay rate, per s
_SLOW_SAME, _SLOW_OTHER = 0.36 * 0.05, 0.06 * 0.05
BRANCHING: Final = 0.30 + 0.05 + 0.36 + 0.06
_DT: Final = 0.1  # s

_REGIME_STEPS: Final = 12_000.0  # mean length of a regime: 20 min
_WANDER_KEEP: Final = 1.0 - 1.0 / 3000.0  # memory of the wandering factor: 5 min
_WANDER_NOISE: Final = 0.40 * 0.02581988897  # its standard deviation, 0.4, x sqrt(2 / 3000)
_JUMP: Final = 1.0 / 9000.0  # a jump in 15 minutes, per coin
_CRASH, _HALT = int(Event.CRASH), int(Event.HALT)
_LATENCY, _GAP, _CROSS, _FEES = int(Event.LATENCY), int(Event.GAP), int(Event.CROSS), int(Event.FEES)

WORLD: Final = [
    *DRAWS,
    ("now", "i8"),  # start of the step, ns
    ("start", "i8"),
    ("regime", "f8"),  # factor on volatility
    ("wander", "f8"),  # log of the wandering factor
    ("pace", "f8"),  # factor on volatility of this step
    ("activity", "f8"),  # factor on the rate of orders of this step
    ("market", "f8"),  # the common factor's draw of this step
    ("meme", "f8"),
    ("drift", "f8"),  # scripted return of this step (crash)
    ("depth", "f8"),  # factors of this step
    ("spread", "f8"),
    ("latency", "f8"),
    ("phase", "i8"),  # Event that holds in this step, 0 = none
    ("phase_before", "i8"),
    *[(name, "f8") for name in ("k_volatility", "k_rate", "k_depth", "k_spread", "calm_share", "stormy_share", "size")],
    *[(name, "i8") for name in ("event", "first", "period", "lasts")],
    *[(name, "i8") for name in ("n_rows", "n_messages", "n_values")],  # written to the buffers by this call
]
TAKER: Final = [
    *DRAWS,
    ("fair", "f8"),  # ticks
    ("sigma", "f8"),  # standard deviation of a step's return, quiet hour
    *[(name, "f8") for name in ("load_market", "load_meme", "load_own")],
    ("impact", "f8"),  # lasting return of a median taker order
    ("base", "f8"),  # taker orders of one side per second that nothing excited
    ("order_lots", "f8"),  # median size of one
    ("reach", "f8"),  # ticks behind the touch beyond which a taker does not follow
    ("inertia", "f8"),  # ticks that the fair price may stray before quotes follow
    ("fast", "f8", (2,)),  # excited intensity per s: buys, sells
    ("slow", "f8", (2,)),
    *[(name, "i8", (PRINTS,)) for name in ("print_tick", "print_lots", "print_side", "print_at")],
    ("n_prints", "i8"),
]


@kernel
def day_shape(now: int) -> float:
    """Activity by the hour (UTC), about 1 on average: a hill at 8:00 and a higher one at 14:30, a valley at night."""
    hour = (now % DAY) / HOUR
    total = 0.62
    for k in range(2):
        height = 0.55 if k == 0 else 1.25
        width = 2.5 if k == 0 else 3.0
        away = abs(hour - (8.0 if k == 0 else 14.5))
        away = min(away, 24.0 - away) / width
        total += height / ((1.0 + away * away) * (1.0 + away * away))
    return total


@kernel
def _event_now(g: Record) -> int:
    """The event that holds at the step's start; the rebound after a crash is the crash negated."""
    if g["event"] == 0:
        return 0
    since = g["now"] - g["start"] - g["first"]
    if since < 0:
        return 0
    since %= g["period"]
    if since < g["lasts"]:
        return g["event"]
    if g["event"] == _CRASH and since < 6 * g["lasts"]:
        return -_CRASH
    return 0


@kernel
def begin_step(g: Record) -> None:
    """Draw what all coins share in this step: regime, wandering volatility, factors, scenario."""
    if uniform(g) < 1.0 / _REGIME_STEPS:
        u = uniform(g)
        g["regime"] = 0.55 if u < g["calm_share"] else (2.1 if u > 1.0 - g["stormy_share"] else 1.0)
    g["wander"] = _WANDER_KEEP * g["wander"] + _WANDER_NOISE * normal(g)
    shape = day_shape(g["now"])
    wander = exp(g["wander"])
    g["pace"] = g["k_volatility"] * g["regime"] * wander * (0.5 + 0.5 * shape)
    g["activity"] = g["k_rate"] * shape * (0.4 + 0.6 * g["regime"] * wander)
    g["market"] = normal(g)
    g["meme"] = normal(g)
    g["drift"] = 0.0
    g["depth"] = g["k_depth"]
    g["spread"] = g["k_spread"]
    g["latency"] = 1.0
    g["phase_before"] = g["phase"]
    g["phase"] = _event_now(g)
    steps = g["lasts"] / STEP
    if g["phase"] == _CRASH:
        g["drift"] = -g["size"] / steps
        g["depth"] *= 0.12
        g["spread"] *= 5.0
        g["activity"] *= 4.0
    elif g["phase"] == -_CRASH:
        g["drift"] = 0.7 * g["size"] / (5.0 * steps)
        g["depth"] *= 0.4
        g["spread"] *= 2.0
        g["activity"] *= 2.0
    elif g["phase"] == _LATENCY:
        g["latency"] = g["size"]


@kernel
def move(g: Record, c: Record) -> None:
    """Move a coin's fair price by one step of the factor model, the script, and now and then a jump."""
    z = c["load_market"] * g["market"] + c["load_meme"] * g["meme"] + c["load_own"] * normal(c)
    if uniform(c) < _JUMP:
        z += 12.0 * normal(c)
    c["fair"] *= 1.0 + c["sigma"] * g["pace"] * z + g["drift"] * c["load_market"]


@kernel
def _intensity(g: Record, c: Record, side: int, pull: float) -> float:
    """Taker orders per second of a side; `pull` > 0 when the fair price favours it."""
    lean = min(max(1.0 + 0.5 * pull, 0.3), 2.5)
    return min(c["base"] * g["activity"] * lean + c["fast"][side] + c["slow"][side], 60.0)


@kernel
def _excite(c: Record, side: int) -> None:
    c["fast"][side] += _FAST_SAME
    c["slow"][side] += _SLOW_SAME
    c["fast"][1 - side] += _FAST_OTHER
    c["slow"][1 - side] += _SLOW_OTHER


@kernel
def _take(c: Record, buy: int, lots: int, at: int) -> None:
    """One taker order walks the other side's levels; what is left after the walk is cancelled."""
    side = ASK if buy == 1 else BID
    limit = c["keys"][side * LEVELS] + int(c["reach"])
    for _ in range(_WALK):
        if lots <= 0 or c["n"][side] <= 3 or c["n_prints"] >= PRINTS or c["keys"][side * LEVELS] > limit:
            return
        resting = c["lots"][side * LEVELS]
        filled = min(lots, resting)
        i = c["n_prints"]
        c["print_tick"][i] = best(c, side)
        c["print_lots"][i] = filled
        c["print_side"][i] = 1 if buy == 1 else -1
        c["print_at"][i] = at
        c["n_prints"] += 1
        set_at(c, side, 0, resting - filled)
        lots -= filled


@kernel
def take(g: Record, c: Record) -> None:
    """All taker orders of one step, in random order of sides, spread over the first eight tenths of the step."""
    c["n_prints"] = 0
    pull = (c["fair"] - 0.5 * (best(c, BID) + best(c, ASK))) / (c["inertia"] * max(g["pace"], 0.5))
    buys = poisson(c, _intensity(g, c, 0, pull) * _DT, _ORDERS)
    sells = poisson(c, _intensity(g, c, 1, -pull) * _DT, _ORDERS)
    for side in range(2):
        c["fast"][side] *= FAST_DECAY
        c["slow"][side] *= SLOW_DECAY
    total = buys + sells
    for k in range(total):
        buy = 1 if uniform(c) * (buys + sells) < buys else 0
        buys -= buy
        sells -= 1 - buy
        size = min(exp(1.1 * normal(c)), 25.0)
        at = int((k + uniform(c)) / total * 0.8 * STEP)
        _take(c, buy, max(1, int(c["order_lots"] * size)), g["now"] + at)
        _excite(c, 1 - buy)
        c["fair"] *= 1.0 + (1.0 if buy == 1 else -1.0) * c["impact"] * min(size, 4.0) ** 0.5
