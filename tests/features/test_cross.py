"""B3 against plain Python: correlation, lead-lag, strength of coins and sectors, prices on several venues."""

from __future__ import annotations

import math

import numpy as np
import pytest
from candle_feed import rows_for, walk
from feature_feed import START, Maker, Player, Row, instrument, random_rows

from tickerml.features import correlation, cross_exchange, lead_lag, strength
from tickerml.features.sectors import SECTORS, sector_of
from tickerml.tape.params import name_code
from tickerml.tape.rows import MINUTE, SECOND, Flag, Kind

COINS = ("ETH", "BTC", "DOGE", "SOL", "ZZZ")
STEP = 5 * MINUTE


def market(seed, n=400, coins=COINS, *, late=()):
    """(rows in order of receipt, BAR table, bars by coin, instruments): each coin's walk follows the second one's."""
    r, tables = np.random.default_rng(seed), [walk(seed + k, n, step=STEP) for k in range(len(coins))]
    for k, table in enumerate(tables):
        if k != 1:  # half of the second coin's move of the bar before, so that there is something to find
            pull = np.concatenate([[0, 0], np.diff(np.log(tables[1]["close"]))[:-1]])
            table["close"] = np.maximum(50, np.rint(table["close"] * np.exp(np.cumsum(0.5 * pull)))).astype("i8")
    rows = np.concatenate([rows_for(table, k) for k, table in enumerate(tables)])
    rows["ref"] = np.arange(len(rows))
    rows["recv"] += np.where(np.isin(rows["inst"], late) & (r.random(len(rows)) < 0.3), 6 * STEP, 0)
    bars = np.concatenate(tables)
    order = np.argsort(rows["recv"], kind="stable")
    return rows[order], bars, tables, [instrument(base=coin) for coin in coins]


class Closes:
    """The oracle's memory: closes of each coin by the number of the bar."""

    def __init__(self, n):
        self.of = [{} for _ in range(n)]

    def see(self, row, bars):
        bar = bars[int(row["ref"])]
        number = int(bar["open_time"]) // STEP
        mine = self.of[int(row["inst"])]
        if not mine or number > max(mine):
            mine[number] = int(bar["close"])

    def newest(self, k):
        return max(self.of[k], default=None)

    def returns(self, k, last, n):
        """The n log returns up to bar `last`, or None."""
        try:
            closes = [self.of[k][last - j] for j in range(n, -1, -1)]
        except KeyError:
            return None
        return np.diff(np.log(closes))


def fields(player, k):
    return {name: float(player.out[name][k]) for name in player.out.dtype.names}


def pearson(x, y):
    if x is None or y is None or x.std() == 0 or y.std() == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])


def near(got, wanted):
    assert math.isnan(got) == math.isnan(wanted)
    assert math.isnan(got) or got == pytest.approx(wanted, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("n", [3, 24, 168])
def test_b3_correlation_and_beta(n):
    rows, bars, _, insts = market(1)
    player, seen = Player("correlation", correlation.Params(n=n), insts=insts), Closes(len(insts))
    known = 0
    for row in rows:
        seen.see(row, bars)
        player.step(row, bars)
        k, ends = int(row["inst"]), [seen.newest(0), seen.newest(1)]
        if None in ends or seen.newest(k) is None:
            continue
        last = min(seen.newest(k), ends[1])
        x, y = seen.returns(k, last, n), seen.returns(1, last, n)
        got, wanted = fields(player, k), pearson(x, y)
        near(got["corr"], wanted)
        known += not math.isnan(wanted)
        near(got["beta"], math.nan if math.isnan(wanted) else float(np.cov(x, y)[0, 1] / y.var(ddof=1)))
    assert known > 500


def test_b3_the_reference_renews_all_that_are_compared_with_it():
    """ETH's row comes before BTC's: when BTC's is in, both are of the same bar, and BTC's own is 1."""
    rows, bars, _, insts = market(2, 60)
    player, seen = Player("correlation", correlation.Params(n=20), insts=insts), Closes(len(insts))
    for row in rows:
        seen.see(row, bars)
        player.step(row, bars)
    for k in range(len(insts)):
        last = seen.newest(k)
        near(fields(player, k)["corr"], pearson(seen.returns(k, last, 20), seen.returns(1, last, 20)))
    assert fields(player, 1) == {"corr": 1.0, "beta": 1.0}


def test_b3_one_that_stays_behind_is_not_compared_and_comes_back():
    rows, bars, _, insts = market(3, 200, late=(1,))
    rows = rows[~((rows["inst"] == 1) & (rows["ref"] % 200 > 100) & (rows["ref"] % 200 < 110))]
    player = Player("correlation", correlation.Params(n=10), insts=insts)
    silent = [fields(player, 0)["corr"] for row in rows if player.step(row, bars) is not None]
    known = ~np.isnan(silent)
    first = int(np.argmax(known))
    assert not known[first:].all()
    assert known[-1]


def test_b3_without_the_reference_there_is_nothing():
    rows, bars, _, _ = market(4, 50)
    player = Player("correlation", correlation.Params("XYZ", n=5), insts=[instrument(base=c) for c in COINS])
    for row in rows:
        player.step(row, bars)
    assert np.isnan(player.out["corr"]).all()


@pytest.mark.parametrize("lags", [1, 6])
def test_b3_lead_lag(lags):
    n = 60
    rows, bars, _, insts = market(5, 300)
    player, seen = Player("lead_lag", lead_lag.Params(n=n, lags=lags), insts=insts), Closes(len(insts))
    for row in rows:
        seen.see(row, bars)
        player.step(row, bars)
        k = int(row["inst"])
        if seen.newest(1) is None:
            continue
        last, got = min(seen.newest(k), seen.newest(1)), fields(player, k)
        if seen.returns(k, last, n + lags) is None or seen.returns(1, last, n + lags) is None:
            assert math.isnan(got["lead_lag"])
            continue
        best = (math.nan, 0)
        for lag in sorted(range(-lags, lags + 1), key=lambda j: (abs(j), -j)):
            c = pearson(seen.returns(k, last - max(-lag, 0), n), seen.returns(1, last - max(lag, 0), n))
            if math.isnan(best[0]) or abs(c) > abs(best[0]) + 1e-12:
                best = (c, lag)
        assert got["lead_lag"] == best[1]
        near(got["lead_lag_corr"], best[0])
    if lags == 6:
        assert fields(player, 2)["lead_lag"] == 1  # as it was made


@pytest.mark.parametrize("n", [1, 30])
def test_b3_strength_of_coins_and_sectors(n):
    coins = ("ETH", "BTC", "DOGE", "SOL", "ZZZ", "SHIB")
    rows, bars, _, insts = market(6, 150, coins)
    player, seen = Player("strength", strength.Params(n=n), insts=insts), Closes(len(coins))
    sector = [sector_of(name_code(coin)) for coin in coins]
    assert sector[0] == sector[3] != sector[2] == sector[5] != sector[4] == 0
    for at, row in enumerate(rows):
        seen.see(row, bars)
        player.step(row, bars)
        if (at + 1) % len(coins):
            continue  # within one bar's rows some coins are of the bar before
        last = seen.newest(0)
        whole = {k: seen.returns(k, last, n) for k in range(len(coins))}
        before = {k: seen.returns(k, last - n, n) for k in range(len(coins))}
        moved = {k: float(r.sum()) for k, r in whole.items() if r is not None}
        earlier = {k: float(r.sum()) for k, r in before.items() if r is not None}
        for k in range(len(coins)):
            got = fields(player, k)
            if k not in moved:
                assert all(math.isnan(value) for value in got.values())
                continue
            others = np.mean([value for j, value in moved.items() if j != k])
            near(got["basket_return"], others)
            near(got["relative_strength"], moved[k] - others)
            if not sector[k]:
                assert math.isnan(got["sector_strength"])
                continue
            mine = [j for j in moved if sector[j] == sector[k]]
            now = np.mean([moved[j] for j in mine]) - np.mean(list(moved.values()))
            near(got["sector_strength"], now)
            if k in earlier:
                then = np.mean([earlier[j] for j in mine]) - np.mean(list(earlier.values()))
                near(got["sector_rotation"], now - then)


def test_b3_one_coin_alone_has_no_basket():
    rows, bars, _, insts = market(7, 20, ("BTC", "ETH"))
    player = Player("strength", strength.Params(n=3), insts=insts)
    for row in rows[rows["inst"] == 0]:
        player.step(row, bars)
    assert np.isnan(player.out["relative_strength"]).all()
    assert not np.isnan(player.out["sector_strength"][0])  # its own sector is the whole market: 0


def test_every_coin_of_the_table_is_in_one_sector():
    coins = [coin for coins in SECTORS.values() for coin in coins.split()]
    assert len(set(coins)) == len(coins)
    assert [sector_of(name_code(coin)) for coin in ("BTC", "PEPE", "NOSUCHCOIN")] == [1, 5, 0]


def two_venues(seed):
    """Rows of two books of one coin, a third coin's and, from half-way on, a book that is gone; in order of receipt."""
    streams = []
    for k in range(3):
        rows = random_rows(seed + k, 1500)
        rows["inst"] = k
        rows["recv"] += (START + SECOND) - int(rows["recv"][0])
        streams.append(rows)
    streams[1] = streams[1][: len(streams[1]) // 2]
    rows = np.concatenate(streams)
    return rows[np.argsort(rows["recv"], kind="stable")]


def test_b3_cross_exchange_edge_after_fees():
    insts = [instrument(), instrument(tick=0.25, venue="okx"), instrument(base="ETH", venue="okx")]
    fee, patience = 0.002, SECOND // 2
    player = Player("cross_exchange", cross_exchange.Params(fee, patience), insts=insts)
    books, heard, touch = [Maker(1).book for _ in insts], [0, 0, 0], [None, None, None]
    compared = alone = 0
    for row in two_venues(11):
        plain, k = Row(row), int(row["inst"])
        books[k].apply(plain)
        player.step(row)
        if not plain.ends:
            continue
        heard[k] = plain["recv"]
        now = books[k].touch if books[k].usable else None
        changed, touch[k] = now != touch[k], now
        if not changed or k == 2:
            continue
        got, other = fields(player, k), 1 - k
        fresh = touch[other] is not None and heard[other] + patience >= plain["recv"]
        assert got["cross_venues"] == int(fresh)
        if now is None or not fresh:
            assert math.isnan(got["cross_spread"])
            alone += 1
            continue
        bid, ask, their_bid, their_ask = (
            books[j].best(side)[0] * float(insts[j]["tick"]) for j in (k, other) for side in (1, -1)
        )
        near(got["cross_spread"], (bid + ask) / (their_bid + their_ask) - 1)
        near(got["arb_buy_edge"], their_bid / ask - 1 - 2 * fee)
        near(got["arb_sell_edge"], bid / their_ask - 1 - 2 * fee)
        compared += 1
    assert compared > 50
    assert alone > 10
    assert np.isnan(player.out["cross_spread"][2])


def test_b3_bars_stand_for_both_sides_of_a_touch():
    table = walk(1, 3)
    rows = np.concatenate([rows_for(table, 0), rows_for(table, 1)])
    rows["ref"] = np.tile(np.arange(3), 2)
    assert set(rows["kind"]) == {Kind.BAR}
    assert rows["flags"][0] & Flag.END
    player = Player("cross_exchange", insts=[instrument(), instrument(tick=1.0, venue="okx")])
    for row in rows[np.argsort(rows["recv"], kind="stable")]:
        player.step(row, table)
    assert fields(player, 0)["cross_spread"] == pytest.approx(-0.5)
    assert fields(player, 0)["arb_buy_edge"] == pytest.approx(1 - 0.002)
