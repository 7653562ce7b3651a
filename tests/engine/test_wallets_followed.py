"""F3: each wallet that is traded goes through the ladder of losses at each minute, not the purse alone."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from bar_path_tape import START, coin

from small_runs import machine, print_of, run, settings
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.strategies.wake import Bars
from tickerml.tape.build import Builder
from tickerml.tape.intents import Long, Pass
from tickerml.tape.rows import MINUTE, SECOND, Flag, Kind
from tickerml.tape.tape import Header, MemoryTape

UNHEEDED = {"panic_hour": 1.0, "panic_day": 1.0, "caution_hour": 1.0, "caution_day": 1.0, "caution_volatility": 100.0}
UNHEEDED |= {"euphoria_hour": 1.0, "euphoria_day": 1.0, "trend": 1.0}
ACCOUNT = {"spot_wallets": True, "balances": {"USDC": 10_000.0}}
BIG = {"max_position": 1.0, "max_in_use": 1.0, "risk_per_trade": 0.05}
FALLS = [100.0] * 8 + [80.0] * 10


class Once:
    """Buys the pair in the second currency at its third bar, and says nothing more."""

    sees = ()
    wake = Bars("1m")
    state = np.dtype([("bars", "i8")])

    def decide(self, view):
        view.state["bars"] += 1
        if view.instrument.settle != "USDC" or view.state["bars"] != 3:
            return Pass("waiting")
        return Long(target=0.9, stop=0.3, horizon="30d")


def pairs(path):
    """Minute bars of ETH/USDT, which stays at 100, and of BTC/USDC, which takes this path."""
    builder = Builder()
    coins = [
        replace(coin(1), id=0, symbol="ETH/USDT"),
        replace(coin(0), id=1, symbol="BTC/USDC", quote="USDC", settle="USDC"),
    ]
    for one in coins:
        builder.instrument(START, one)
    for k, close in enumerate(path):
        began = START + k * MINUTE
        for inst, ticks in ((0, (10_000,) * 4), (1, bar_of(path[max(0, k - 1)], close))):
            builder.bar(began + MINUTE + SECOND, inst, began, MINUTE, ticks, 10_000, flags=int(Flag.ASSUMED))
    return MemoryTape(Header("two wallets", tuple(coins), assumed_clock=True, bar_only=True), (builder.take(),))


def bar_of(opened, close):
    return tuple(round(100 * price) for price in (opened, max(opened, close), min(opened, close), close))


def config_of(**limits):
    return settings(regime=UNHEEDED, account=ACCOUNT, limits={**BIG, **limits})


def told(made, kind):
    return [
        ((int(r["recv"]) - START) // MINUTE, msgspec.json.decode(b.blobs[int(r["ref"])]))
        for b in made
        for r in b.rows
        if r["kind"] == kind
    ]


@pytest.mark.parametrize(
    ("limits", "what", "closes"),
    [
        ({"day_off": 0.01, "day_close": 0.02}, "day closed", True),
        ({"day_off": 0.01}, "day off", False),
        ({"session_pause": 0.01}, "paused", False),
        ({"session_kill": 0.01}, "killed", False),
        ({"max_drawdown": 0.01}, "killed", False),
    ],
)
def test_a_loss_in_another_wallet_acts_at_its_minute_without_a_setup(limits, what, closes):
    one, made = run(Once(), pairs(FALLS), config_of(**limits))
    assert len(told(made, Kind.APPROVED)) == 1
    (minute, figures), *more = told(made, Kind.DESK)
    assert (figures["what"], figures["wallet"]) == (what, 1)
    assert minute == 10  # the bar that fell is received a second after its minute
    assert not more
    assert one.loop.core[0]["off"] == 1
    assert [figures["reason"] for _, figures in told(made, Kind.SETTLED)] == ["closed" if closes else "end of data"]


def test_a_wallet_that_loses_nothing_changes_nothing():
    one, made = run(Once(), pairs([100.0] * 18), config_of(day_off=0.01))
    assert not told(made, Kind.DESK)
    assert one.loop.core[0]["off"] == 0
    assert one.trader.desk.memory.funds["seen"].tolist() == [1, 1, 0, 0]  # coins that are held are no wallet of a pair


def test_what_is_not_traded_is_not_followed():
    """Its balance may fall by what others cost: a fee that is paid in it is no loss of its trades."""
    one, _ = run(Once(), pairs([100.0] * 6), config_of(), pairs=("ETH/USDT",))
    assert one.loop.purse[0]["others"] == 0
    assert one.trader.desk.memory.funds["seen"].tolist() == [1, 0, 0, 0]


def test_no_chunk_and_no_restart_changes_a_byte(tmp_path):
    tape, config = pairs(FALLS), config_of(day_off=0.01, day_close=0.02)
    whole = print_of(*run(Once(), tape, config))
    assert print_of(*run(Once(), tape, config, chunk=1)) == whole
    for at in range(14, 26, 3):
        first, before = machine(Once(), tape, config)
        for piece in pieces(tape.blocks(), 1):
            if first.loop.core[0]["rows"] >= at:
                break
            first.push(piece)
        fed = int(first.loop.core[0]["rows"]) + len(first.loop.waiting)
        snapshot.save(first, tmp_path / f"{at}.npz", fed)
        second, after = machine(Once(), tape, config)
        drive(second, tape.blocks(), skip=snapshot.restore(second, tmp_path / f"{at}.npz"))
        assert print_of(second, before + after) == whole
