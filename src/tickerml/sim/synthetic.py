"""The synthetic market as a tape: seeded, made block by block while it is read, the same bytes on every machine.

It shows that a program works; it says nothing about profit. No rule that only watches prices earns its costs here by
construction: quotes follow a fair price whose steps are independent, and what takers' flow foretells is smaller than
the spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tickerml.sim.coins import COINS, DEFAULT_COINS, Coin, coins_of, instrument
from tickerml.sim.draws import seed_words
from tickerml.sim.flow import BRANCHING, STEP, STEPS_PER_YEAR
from tickerml.sim.market import COIN_STATE, FEE_RATES, NAMES, ROOM, WORLD_STATE, run
from tickerml.sim.scenarios import DEFAULT_SCENARIO, DEFAULT_SEED, Scenario, scenario_of
from tickerml.tape.block import TABLE_OF, Block
from tickerml.tape.errors import InputError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import FOREVER, MILLISECOND, MINUTE, ROW, SECOND, Flag, Kind, Record, Rows, empty
from tickerml.tape.tables import MESSAGE, VALUE
from tickerml.tape.tape import Header, content_hash

START: Final = 1_767_506_400 * SECOND  # 2026-01-04 06:00 UTC: two hours before a funding time
DEFAULT_MINUTES: Final = 240
_BUFFER: Final = 1 << 16  # rows made at once
_IMPACT_SHARE: Final = 0.5  # of a coin's own variance that its takers make
_CLUSTERING: Final = 16.0  # variance of the net flow of clustered orders, in that of as many independent ones
_PACE: Final = 1.03  # root mean square of the factors on volatility, so that `volatility` is what comes out
_FEE_BLOBS: Final = tuple(
    msgspec.json.encode({"fees": {"maker": f"{maker / 1e8:.5f}", "taker": f"{taker / 1e8:.5f}"}}, order="sorted")
    for maker, taker in FEE_RATES.tolist()
)
_OPAQUE: Final = np.dtype(f"V{ROW.itemsize}")  # numpy copies whole records of one field much faster than of nine
_OF_MESSAGES: Final = np.array([TABLE_OF.get(kind) == "messages" for kind in range(128)])
_OF_VALUES: Final = np.array([TABLE_OF.get(kind) == "values" for kind in range(128)])


@dataclass(frozen=True)
class SyntheticTape:
    """A tape that is made anew at every pass; memory stays bounded however long it is."""

    scenario: Scenario
    seed: int
    minutes: int
    coins: tuple[Coin, ...]
    start: int
    buffer: int = _BUFFER
    _hash: list[str] = field(default_factory=list, repr=False, compare=False)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The perpetuals, with ids in the order of the coins."""
        return tuple(instrument(coin, i, self.start) for i, coin in enumerate(self.coins))

    @property
    def header(self) -> Header:
        """Says that the market is made up, of which scenario and seed."""
        return Header(
            title=f"synthetic:{self.scenario.name}:{self.seed}",
            instruments=self.instruments,
            names=NAMES,
            synthetic=f"{self.scenario.name}, seed {self.seed}",
        )

    def blocks(self) -> Iterator[Block]:
        """Blocks in receive order, from the start."""
        world, coins = _world(self)[0], _coin_states(self)
        buffers = _Buffers(max(self.buffer, 3 * ROOM * len(coins)))
        until = self.start + self.minutes * MINUTE
        yield _definitions(self)
        while world["now"] < until:
            run(world, coins, buffers.rows, buffers.messages, buffers.values, until)
            yield buffers.cut(world, int(world["now"]) if world["now"] < until else FOREVER)

    def content_hash(self) -> str:
        """SHA-256 of the content; makes the whole tape once."""
        if not self._hash:
            self._hash.append(content_hash(self.blocks()))
        return self._hash[0]


def synthetic_tape(
    scenario: str = DEFAULT_SCENARIO,
    seed: int = DEFAULT_SEED,
    *,
    minutes: int = DEFAULT_MINUTES,
    coins: tuple[str, ...] = DEFAULT_COINS,
    start: int = START,
) -> SyntheticTape:
    """A made-up market. Raises InputError `scenario`, `seed`, `coin` or `minutes` when it cannot be made so."""
    if seed < 0:
        raise InputError("seed", f"seed {seed} is below 0", means="nothing was made", try_=f"synthetic:{scenario}:7")
    if minutes < 1 or start % MINUTE:
        what = f"{minutes} minutes from {start} ns: at least one whole minute, from a whole minute on"
        raise InputError("minutes", what, means="nothing was made", try_="--minutes 60")
    return SyntheticTape(scenario_of(scenario), seed, minutes, coins_of(coins), start)


def _world(tape: SyntheticTape) -> NDArray[np.void]:
    scenario = tape.scenario
    world = np.zeros(1, WORLD_STATE)
    world["rng"][0] = seed_words(tape.seed, 0)
    world["now"] = world["start"] = tape.start
    world["regime"] = 1.0
    for name in ("volatility", "rate", "depth", "spread"):
        world[f"k_{name}"] = getattr(scenario, name)
    for name in ("calm_share", "stormy_share", "size", "event", "first", "period", "lasts"):
        world[name] = getattr(scenario, name)
    return world


def _coin_states(tape: SyntheticTape) -> NDArray[np.void]:
    states = np.zeros(len(tape.coins), COIN_STATE)
    for state, coin in zip(states, tape.coins, strict=True):
        place = tuple(COINS).index(coin.base)  # a coin's own draws do not depend on which others there are
        state["rng"] = seed_words(tape.seed, 1 + place)
        state["offset"] = place * 13 * MILLISECOND
        _scale(state, coin)
    return states


def _scale(state: Record, coin: Coin) -> None:
    """A coin's constants in ticks, lots and steps."""
    tick, lot = float(coin.tick), float(coin.lot)
    state["tick_size"] = tick
    state["fair"] = coin.price / tick
    per_second = coin.volatility / math.sqrt(STEPS_PER_YEAR) * math.sqrt(SECOND / STEP)
    state["sigma"] = coin.volatility / math.sqrt(STEPS_PER_YEAR) / _PACE
    state["load_market"], state["load_meme"] = coin.market, coin.meme
    state["load_own"] = coin.own * math.sqrt(1 - _IMPACT_SHARE)
    state["impact"] = per_second * coin.own * math.sqrt(_IMPACT_SHARE / (coin.trades_per_s * _CLUSTERING))
    state["base"] = coin.trades_per_s / 2 * (1 - BRANCHING)
    state["order_lots"] = coin.trade_usd / coin.price / lot
    bps = coin.price / tick / 10_000  # ticks
    state["half_spread"] = coin.spread_bps / 2 * bps
    state["gap"] = max(1.0, 0.4 * bps)
    state["reach"] = max(3.0, 1.5 * per_second * coin.price / tick)
    state["inertia"] = max(0.6, 0.35 * per_second * coin.price / tick)
    state["touch_lots"] = coin.touch_usd / coin.price / lot


def _definitions(tape: SyntheticTape) -> Block:
    """One INSTRUMENT row a coin."""
    instruments = tape.instruments
    rows = empty(len(instruments))
    rows["recv"] = rows["exch"] = tape.start
    rows["inst"] = rows["ref"] = np.arange(len(instruments))
    rows["kind"], rows["flags"] = Kind.INSTRUMENT, Flag.END
    return Block(rows, blobs=tuple(i.to_json() for i in instruments))


class _Buffers:
    """What the market has said and nobody has received yet, in the order in which it was said."""

    def __init__(self, size: int) -> None:
        self.rows = empty(size)
        self.messages, self.values = np.zeros(size, MESSAGE), np.zeros(size, VALUE)

    def cut(self, world: Record, now: int) -> Block:
        """Take out what is received before `now`, in receive order; the rest moves to the front.

        Whatever is made later is received after the market's present, so what is older is final.
        """
        rows = self.rows[: world["n_rows"]]
        order = np.argsort(rows["recv"], kind="stable")
        final = int(np.searchsorted(rows["recv"][order], now))
        done, rest = self._chosen(order[:final]), self._chosen(order[final:])
        for held, kept, count in (
            (self.rows, rest.rows, "n_rows"),
            (self.messages, rest.messages, "n_messages"),
            (self.values, rest.values, "n_values"),
        ):
            held[: len(kept)] = kept
            world[count] = len(kept)
        return done

    def _chosen(self, order: NDArray[np.intp]) -> Block:
        """These rows, in this order, with the side-table rows that they refer to and no others."""
        rows = np.take(self.rows.view(_OPAQUE), order).view(ROW)
        messages = _referred(rows, _OF_MESSAGES)
        values = _referred(rows, _OF_VALUES)
        return Block(rows, messages=self.messages[messages], values=self.values[values], blobs=_FEE_BLOBS)


def _referred(rows: Rows, kinds: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Side-table rows that rows of these kinds refer to, in their order; `ref` is renumbered to it."""
    mine = np.flatnonzero(kinds[rows["kind"]])
    refs = rows["ref"][mine]
    fresh = np.diff(refs, prepend=-1) != 0
    rows["ref"][mine] = np.cumsum(fresh) - 1
    return refs[fresh]
