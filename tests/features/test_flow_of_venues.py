"""B5 against plain Python: open interest, liquidations and their clusters, whales' prints, the score of news."""

from __future__ import annotations

import math

import numpy as np
import pytest
from feature_feed import START, Player, Row, Window, assert_close, instrument, random_rows

from tickerml.features import liquidations, open_interest, sentiment, whales
from tickerml.tape.params import VALUE_NAMES, name_code
from tickerml.tape.rows import HOUR, MINUTE, ROW, SECOND, Flag, Kind
from tickerml.tape.tables import VALUE


def told(name, times, values, *, inst=0, side=0, qty=0):
    """VALUE rows at these times, and their table."""
    rows, table = np.zeros(len(times), ROW), np.zeros(len(times), VALUE)
    rows["recv"], rows["ref"], rows["kind"], rows["flags"] = times, np.arange(len(times)), Kind.VALUE, Flag.END
    rows["inst"], rows["side"], rows["qty"] = inst, side, qty
    table["name"], table["value"] = VALUE_NAMES.index(name), values
    return rows, table


def quiet(times):
    """TIMER rows."""
    rows = np.zeros(len(times), ROW)
    rows["recv"], rows["kind"], rows["ref"], rows["flags"] = times, Kind.TIMER, -1, Flag.END
    return rows


def in_order(*many):
    rows = np.concatenate(many)
    return rows[np.argsort(rows["recv"], kind="stable")]


def fields(player):
    return {name: float(player.out[name][0]) for name in player.out.dtype.names}


class TestOpenInterest:
    def test_b5_against_plain_python(self):
        r, window, patience = np.random.default_rng(1), HOUR, 10 * MINUTE
        steps = np.where(r.random(3000) < 0.005, 30 * MINUTE, r.integers(SECOND, 3 * MINUTE, 3000))
        times, values = START + np.cumsum(steps), 1e6 * np.exp(np.cumsum(r.normal(0, 0.01, 3000)))
        rows, table = told("open_interest", times, values)
        player = Player("open_interest", open_interest.Params(window, patience))
        width, began, known = window // 64, 0, 0
        for k, row in enumerate(rows):
            player.step(row, values=table)
            if k and times[k] - times[k - 1] > patience:
                began = k
            edge = (times[k] // width - 63) * width  # where the oldest part of the window begins
            before = [j for j in range(began, k) if times[j] < edge]
            wanted = values[k] / values[before[-1]] - 1 if before else math.nan
            assert_close(fields(player), {"open_interest": values[k], "open_interest_change": wanted})
            known += bool(before)
        assert known > 300

    def test_b5_unavailable_is_never_zero(self):
        player = Player("open_interest")
        rows, table = told("open_interest", START + MINUTE * np.arange(3), [0.0, -1.0, math.nan])
        for row in rows:
            player.step(row, values=table)
        assert math.isnan(fields(player)["open_interest"])

    def test_b5_silence_is_noticed(self):
        rows, table = told("open_interest", START + MINUTE * np.arange(100), np.arange(100) + 1.0)
        player = Player("open_interest")
        for row in rows:
            player.step(row, values=table)
        assert fields(player) == {"open_interest": 100.0, "open_interest_change": pytest.approx(100 / 41 - 1, abs=0.1)}
        player.step(quiet([int(rows["recv"][-1]) + 30 * MINUTE])[0])
        assert fields(player)["open_interest"] == 100.0
        player.step(quiet([int(rows["recv"][-1]) + 31 * MINUTE])[0])
        assert all(math.isnan(value) for value in fields(player).values())


class TestLiquidations:
    def test_b5_against_plain_python(self):
        r, n = np.random.default_rng(2), 1500
        steps = np.where(r.random(n) < 0.7, r.integers(1, 40, n), r.integers(61, 900, n)) * SECOND
        times, side, qty = START + np.cumsum(steps), r.choice((-1, 1), n), r.integers(1, 500, n)
        prices = np.rint(r.uniform(9_000, 11_000, n)) * 0.5
        rows, table = told("liquidation", times, prices, side=side, qty=qty)
        timers = quiet(np.arange(START + SECOND // 2, int(times[-1]), 17 * SECOND))
        least, gap = 5, MINUTE
        player = Player("liquidations", liquidations.Params(HOUR, gap, least))
        window, clusters, running, worth, newest = Window(HOUR), [], 0, 0.0, 0
        frequencies = 0
        for row in in_order(rows, timers):
            player.step(row, values=table)
            now, value = int(row["recv"]), row["kind"] == Kind.VALUE
            if running and now - newest > gap:
                clusters.append(running)
                running, worth = 0, 0.0
            if value:
                k = int(row["ref"])
                window.put(now, side[k], qty[k] * prices[k] * 0.01)
                running, worth, newest = running + 1, worth + qty[k] * prices[k] * 0.01, now
            if not newest:
                assert all(math.isnan(one) for one in fields(player).values())
                continue
            inside, wanted = window.inside(now), {"cluster_count": running, "cluster_value": worth}
            longs, shorts = (sum(v for s, v in inside if s == which) for which in (-1, 1))
            full = window.full(now)
            wanted["liquidated_longs"] = longs if full else math.nan
            wanted["liquidated_shorts"] = shorts if full else math.nan
            wanted["liquidation_count"] = len(inside) if full else math.nan
            total = longs + shorts
            wanted["liquidation_imbalance"] = (shorts - longs) / total if total else math.nan
            level = 2 ** int(math.log2(running)) if running else 0
            reached = [c for c in clusters if c >= level]
            enough = running > 0 and len(reached) >= least
            doubled = sum(c >= 2 * level for c in clusters)
            wanted["cascade_probability"] = doubled / len(reached) if enough else math.nan
            frequencies += enough
            assert_close(fields(player), wanted)
        assert frequencies > 500

    def test_b5_other_values_are_none(self):
        rows, table = told("mark", [START, START + SECOND], [1.0, 2.0], qty=5)
        player = Player("liquidations")
        for row in rows:
            player.step(row, values=table)
        assert all(math.isnan(one) for one in fields(player).values())
        assert player.state["newest"][0] == 0


class TestWhales:
    @pytest.mark.parametrize("inverse", [False, True])
    def test_b5_against_plain_python(self, inverse):
        params = whales.Params(2 * SECOND, 0.9, 10 * SECOND, 20)
        inst = instrument(inverse=inverse)
        player, window = Player("whales", params, inst), Window(2 * SECOND)
        unit, threshold, span, prints, last, sign, counted = 1.0 if inverse else 0.005, None, None, [], 0, 0, 0
        for row, got in player.run(random_rows(5, 30_000)):
            now, trade = row["recv"], row["kind"] == Kind.TRADE
            if span is None or now // params.span != span:
                if span is not None and len(prints) >= params.least:
                    threshold = edge_of(sorted(prints)[int(0.9 * len(prints))])
                span, prints = now // params.span, []
            if threshold is not None:
                window.see(now)
            if trade:
                sign = (row["price"] > last) - (row["price"] < last) or sign if last else 0
                last, side = row["price"], row["side"] or sign
                value = row["qty"] * (1 if inverse else row["price"])
                prints.append(value)
                if threshold is not None:
                    window.put(now, value, side if value >= threshold else None)
            if threshold is None:
                assert all(math.isnan(one) for one in got.values())
                continue
            inside, full = window.inside(now), window.full(now)
            whale = [(value, side) for value, side in inside if side is not None]
            bought, sold = (sum(value for value, side in whale if side == which) for which in (1, -1))
            everything = sum(value for value, _ in inside)
            known = full and everything > 0
            counted += known and bool(whale)
            wanted = {
                "whale_threshold": threshold * unit,
                "whale_count": len(whale) if full else math.nan,
                "whale_flow": (bought - sold) * unit if full else math.nan,
                "whale_share": (bought + sold) / everything if known else math.nan,
                "whale_score": (bought - sold) / everything if known else math.nan,
            }
            if trade or now // (params.window // 64) != getattr(self, "part", None):
                assert_close(got, wanted)
            self.part = now // (params.window // 64)
        assert counted > 100


def edge_of(value):
    """Lower edge of the bin, eight to a doubling."""
    top = value.bit_length() - 1
    return value if top < 3 else value >> (top - 3) << (top - 3)


class TestSentiment:
    def insts(self):
        coins = [instrument(), instrument(base="ETH"), instrument(base="news")]
        coins[2]["priced"], coins[2]["quote"] = 0, name_code("")
        return coins

    def test_b5_items_of_a_coin_and_of_the_market_fade(self):
        r, n, half_life = np.random.default_rng(3), 300, HOUR
        times, scores = START + np.cumsum(r.integers(SECOND, HOUR, n)), r.uniform(-1, 1, n)
        about = r.choice((0, 1, 2), n)
        rows, table = told("sentiment", times, scores, inst=about)
        player = Player("sentiment", sentiment.Params(half_life), insts=self.insts())
        for k, row in enumerate(rows):
            player.step(row, values=table)
            for coin in (0, 1):
                mine = [j for j in range(k + 1) if about[j] in (coin, 2)]
                if not mine:
                    assert math.isnan(player.out["sentiment"][coin])
                    continue
                weights = 0.5 ** ((times[mine[-1]] - times[mine]) / half_life)
                assert player.out["news_count"][coin] == pytest.approx(weights.sum(), rel=1e-9)
                wanted = (weights * scores[mine]).sum() / weights.sum()
                assert player.out["sentiment"][coin] == pytest.approx(wanted, rel=1e-9, abs=1e-12)

    def test_b5_a_score_out_of_range_is_none(self):
        rows, table = told("sentiment", [START], [50.0])
        player = Player("sentiment", insts=self.insts())
        player.step(rows[0], values=table)
        assert np.isnan(player.out["sentiment"]).all()


def test_a_row_of_the_feed_reads_as_plain_python():
    assert Row(quiet([START])[0]).ends
