"""B4: hours, weekdays and sessions, time to funding, and the volatility regime."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from candle_feed import fields, walk
from feature_feed import Player, instrument

from tickerml.tape.params import VALUE_NAMES, params_record
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, ROW, SECOND, Flag, Kind
from tickerml.tape.tables import VALUE


def row_at(time, kind=Kind.TIMER, flags=Flag.END, exch=0):
    row = np.zeros(1, ROW)
    row["recv"], row["exch"], row["kind"], row["flags"], row["ref"] = time, exch, kind, flags, -1
    return row[0]


def stamp(moment):
    return round(moment.timestamp()) * SECOND


@pytest.mark.parametrize(
    "moment", [datetime(2024, 2, 29, 23, 59, tzinfo=UTC) + timedelta(minutes=k * 421) for k in range(40)]
)
def test_hours_and_weekdays_lie_on_a_circle(moment):
    got = Player("hours").step(row_at(stamp(moment) + 59 * SECOND))
    hour = math.degrees(math.atan2(got["hour_sin"], got["hour_cos"])) % 360 / 15
    weekday = math.degrees(math.atan2(got["weekday_sin"], got["weekday_cos"])) % 360 * 7 / 360
    assert hour == pytest.approx(moment.hour + moment.minute / 60, abs=1e-9)
    assert weekday == pytest.approx(moment.weekday(), abs=1e-9)
    sessions = [float(got[f"session_{name}"]) for name in ("asia", "europe", "us")]
    assert sessions == [float(moment.hour // 8 == k) for k in range(3)]


def test_hours_are_renewed_at_the_first_message_end_of_a_minute():
    player, start = Player("hours"), 20_000 * DAY
    first = float(player.step(row_at(start + 30 * SECOND))["hour_sin"])
    assert float(player.step(row_at(start + MINUTE - 1))["hour_sin"]) == first
    assert float(player.step(row_at(start + MINUTE, Kind.BBO, 0))["hour_sin"]) == first
    assert float(player.step(row_at(start + MINUTE, Kind.BBO))["hour_sin"]) == math.sin(2 * math.pi / 1440)


class FundingTape:
    """Rows and values as the engine hands them to the fold."""

    def __init__(self, **params):
        self.player = Player("funding_clock")
        self.module, self.p = self.player.module, params_record(self.player.module.Params(**params))
        self.inst = instrument()
        self.inst["names"] = -1
        self.inst["names"][[0, 3]] = 3, 7  # "funding" is the header's fourth name

    def value(self, time, name=3, exch=None):
        value = np.zeros(1, VALUE)
        value["name"], value["value"] = name, 1e-4
        row = row_at(time, Kind.VALUE, exch=time - MILLISECOND if exch is None else exch)
        state, out = self.player.state[0], self.player.out[0]
        self.module.on_row(self.p, state, row, out)
        self.module.on_value(self.p, state, row, value[0], out, self.inst)
        return self.now

    def tick(self, time):
        self.module.on_row(self.p, self.player.state[0], row_at(time), self.player.out[0])
        return self.now

    @property
    def now(self):
        return tuple(float(self.player.out[0][name]) for name in ("time_to_funding", "funding_interval"))


def test_time_to_funding():
    tape, start = FundingTape(), 20_000 * DAY
    assert np.isnan(tape.tick(start - HOUR)).all()
    assert np.isnan(tape.value(start)).all()
    assert np.isnan(tape.value(start + HOUR, name=7)).all()  # another value
    assert tape.value(start + 8 * HOUR) == pytest.approx((8, 8), abs=1e-5)
    assert tape.tick(start + 11 * HOUR)[0] == pytest.approx(5, abs=1e-5)
    assert tape.value(start + 11 * HOUR, exch=start + 8 * HOUR - MILLISECOND)[1] == 8  # told again
    assert tape.tick(start + 16 * HOUR + MINUTE) == (0, 8)
    assert math.isnan(tape.tick(start + 16 * HOUR + 12 * MINUTE)[0])
    assert tape.value(start + 16 * HOUR + 13 * MINUTE, exch=start + 16 * HOUR - MILLISECOND)[0] == pytest.approx(
        8 - 13 / 60
    )
    assert tape.value(start + 20 * HOUR) == pytest.approx((4, 4), abs=1e-5)  # the exchange went over to 4 h


def test_time_to_funding_is_unavailable_without_funding():
    tape = FundingTape()
    tape.inst["names"] = -1
    assert np.isnan([tape.value(20_000 * DAY + k * HOUR) for k in range(20)]).all()
    assert VALUE_NAMES[0] == "funding"


@pytest.mark.parametrize(
    ("seed", "params"), [(1, {}), (2, {"n": 5, "history": 7, "low": 0.2, "high": 0.9, "least": 3})]
)
def test_volatility_regime(seed, params):
    p = {"n": 24, "history": 120, "low": 0.3333, "high": 0.6667, "least": 30} | params
    table = walk(seed, 40 * p["n"] + 11)
    n, squares = p["n"], np.diff(np.log(table["close"].astype(float))) ** 2
    got, remembered, seen = fields("volatility_regime", table, **params), [], set()
    for k in range(len(table)):
        if k < n:
            assert math.isnan(got["volatility_rank"][k])
            continue
        now = squares[k - n : k].sum()
        memory = remembered[-p["history"] :]
        if len(memory) >= p["least"]:
            rank = sum((m < now - 1e-15) + (abs(m - now) <= 1e-15) / 2 for m in memory) / len(memory)
            assert got["volatility_rank"][k] == pytest.approx(rank)
            assert got["volatility_regime"][k] == (0 if rank < p["low"] else 2 if rank > p["high"] else 1)
            seen.add(got["volatility_regime"][k])
        else:
            assert math.isnan(got["volatility_regime"][k])
        if k % n == 0:
            remembered.append(now)
    assert seen == {0, 1, 2}


def test_a_market_that_wakes_up_is_wild_by_its_own_standards():
    table = walk(3, 3000, flat=0, price=1_000_000)
    quiet = table["close"].astype(float)
    moves = np.diff(np.log(quiet), prepend=math.log(quiet[0]))
    moves[-30:] *= 5
    table["close"] = np.rint(np.exp(math.log(quiet[0]) + np.cumsum(moves)))
    got = fields("volatility_regime", table)
    assert (got["volatility_regime"][-1], got["volatility_rank"][-1]) == (2, 1)
    assert 0.2 < np.nanmean(got["volatility_regime"][:-30] == 1) < 0.5
