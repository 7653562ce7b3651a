"""B2: the spread over time, against a list of how long each spread stood."""

from __future__ import annotations

import math

import numpy as np
import pytest
from feature_feed import DictBook, Player, Row, assert_close, random_rows

from tickerml.features import spread
from tickerml.tape.rows import BUY, SECOND, SELL, Flag, Kind, empty

WINDOW = 3 * SECOND
WIDTH = WINDOW // 64


class Oracle:
    """Remembers (from, to, spread, since) and when it changed; looks through all of them at each question."""

    def __init__(self):
        self.stood, self.changes, self.at = [], [], []
        self.spread, self.last = 0, 0

    def see(self, now, value):
        """True when the fold renews its values here."""
        renews = value != self.spread or not self.at or now // WIDTH != self.at[-1] // WIDTH
        if not renews:
            return False
        if self.spread:
            self.stood.append((max(self.last, now - WINDOW), now, self.spread, self.last))
        if value and self.spread and value != self.spread:
            self.changes.append(now)
        self.spread, self.last = value, now
        self.at.append(now)
        return True

    def fields(self, now):
        if not self.spread:
            return dict.fromkeys(spread.FIELDS, math.nan)
        begin = (now // WIDTH - 63) * WIDTH
        area = time = 0
        largest = self.spread
        for start, stop, value, since in self.stood:
            us = max(0, stop // 1000 - max(start, begin) // 1000)
            area, time = area + value * us, time + us
            if (stop > begin and stop > start) or since >= begin:  # a spread that stood for no time at all counts too
                largest = max(largest, value)
        mean = area / time if time else math.nan
        return {
            "spread_mean": mean,
            "spread_normalised": self.spread / mean if area else math.nan,
            "spread_max": largest,
            "spread_changes": sum(t >= begin for t in self.changes),
        }


@pytest.mark.parametrize("seed", [21, 22])
def test_spread_over_time(seed):
    book, oracle, wanted, known = DictBook(), Oracle(), dict.fromkeys(spread.FIELDS, math.nan), 0
    player = Player("spread", spread.Params(window=WINDOW))
    for n, row in enumerate(random_rows(seed, 3000)):
        fields, plain = player.step(row), Row(row)
        book.apply(plain)
        if plain.ends:
            now = plain["recv"]
            value = book.best(SELL)[0] - book.best(BUY)[0] if book.usable else 0
            if oracle.see(now, value):
                wanted = oracle.fields(now)
            known += not math.isnan(wanted["spread_mean"])
            assert_close(fields, wanted, n)
    assert known > 500


def test_time_without_a_readable_book_is_not_counted():
    """10 ticks for 1 s, no asks for 1 s, 20 ticks for 1 s: the mean is 15, not 10."""
    rows = empty(6)
    rows["kind"], rows["flags"] = Kind.DEPTH, Flag.END
    rows["side"] = [BUY, SELL, SELL, SELL, 0, 0]
    rows["price"] = [100, 110, 110, 120, 0, 0]
    rows["qty"] = [1, 1, 0, 1, 0, 0]
    rows["recv"] = 1_700_000_000 * SECOND + np.array([0, 0, 1, 2, 3, 4]) * SECOND
    rows["flags"][:2] |= Flag.SNAPSHOT
    rows["kind"][4:] = Kind.TIMER
    player = Player("spread", spread.Params(window=60 * SECOND))
    means = [float(player.step(row)["spread_mean"]) for row in rows]
    assert math.isnan(means[2])
    assert means[3] == 10
    assert means[4] == 15
    assert means[5] == pytest.approx(50 / 3)
