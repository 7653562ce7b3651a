"""What the feature tests share: random streams of rows, a book of dicts, and folds called row by row."""

from __future__ import annotations

import importlib
import inspect
import math

import numpy as np

from tickerml.tape.ladder import apply, new_ladders
from tickerml.tape.params import INST, VALUE_NAMES, name_code, params_record
from tickerml.tape.rows import BUY, MILLISECOND, ROW, SECOND, SELL, Flag, Kind
from tickerml.tape.tables import BAR

START = 1_700_000_000 * SECOND
CENTRE = 10_000


def instrument(tick=0.5, lot=0.01, *, inverse=False, base="BTC", venue="binance"):
    record = np.zeros(1, INST)
    record["tick"], record["lot"], record["multiplier"] = tick, lot, 1
    record["names"] = range(len(VALUE_NAMES))
    record["unit"], record["lot_value"] = (0, 100 * lot) if inverse else (tick * lot, 0)
    record["base"], record["quote"], record["venue"] = name_code(base), name_code("USDT"), name_code(venue)
    record["priced"] = 1
    return record[0]


class Row(dict):
    """A row as plain Python ints."""

    def __init__(self, row):
        super().__init__({name: int(row[name]) for name in ROW.names})

    @property
    def ends(self):
        return bool(self["flags"] & Flag.END) or self["kind"] in (Kind.GAP, Kind.TIMER)


class DictBook:
    """The book without care for speed. `was` is what the level of the last DEPTH row held before it."""

    def __init__(self):
        self.sides = {BUY: {}, SELL: {}}
        self.valid = False
        self.was = 0

    def apply(self, row):
        if row["kind"] == Kind.CLEAR:
            self.sides = {BUY: {}, SELL: {}}
            self.valid = False
        elif row["kind"] == Kind.GAP:
            self.valid = False
        elif row["kind"] == Kind.DEPTH:
            levels = self.sides[row["side"]]
            self.was = levels.pop(row["price"], 0)
            if row["qty"]:
                levels[row["price"]] = row["qty"]
            if row["flags"] & Flag.END and row["flags"] & Flag.SNAPSHOT:
                self.valid = True

    def walk(self, side):
        return sorted(self.sides[side].items(), reverse=side == BUY)

    def best(self, side):
        levels = self.walk(side)
        return levels[0] if levels else (None, 0)

    @property
    def touch(self):
        return (*self.best(BUY), *self.best(SELL), self.valid)

    @property
    def usable(self):
        bid, ask = self.best(BUY)[0], self.best(SELL)[0]
        return self.valid and bid is not None and ask is not None and bid < ask


class Maker:
    """Writes rows of a made-up market: moves, trades, gaps with and without snapshot, empty sides, crossed books."""

    def __init__(self, seed):
        self.r = np.random.default_rng(seed)
        self.rows = []
        self.book = DictBook()
        self.now = START + int(self.r.integers(SECOND))
        self.centre = CENTRE

    def put(self, kind, *, price=0, qty=0, side=0, flags=0, exch=None):
        row = np.zeros(1, ROW)
        row["recv"], row["kind"], row["price"], row["qty"], row["side"] = self.now, kind, price, qty, side
        row["flags"], row["exch"], row["ref"] = flags, self.now - 3 * MILLISECOND if exch is None else exch, -1
        self.rows.append(row)
        self.book.apply(Row(row[0]))

    def message(self, levels, flags=0):
        for n, (side, price, qty) in enumerate(levels):
            self.put(
                Kind.DEPTH, side=side, price=price, qty=qty, flags=flags | (Flag.END if n + 1 == len(levels) else 0)
            )

    def snapshot(self, depth=30):
        self.put(Kind.CLEAR, flags=Flag.SNAPSHOT)
        levels = []
        for d in range(int(self.r.integers(2, depth))):
            levels += [(BUY, self.centre - 1 - d, self.size()), (SELL, self.centre + 1 + d, self.size())]
        levels += [(BUY, self.centre - 2_000_000 // 256, 7), (SELL, self.centre + 90_000, 8)]
        self.message(levels, Flag.SNAPSHOT)

    def size(self):
        return int(self.r.integers(1, 40) if self.r.random() < 0.95 else self.r.integers(40, 4000))

    def depth(self):
        self.centre += int(self.r.choice([-3, -1, 0, 0, 0, 0, 1, 2]))
        levels = [(BUY, p, 0) for p in self.book.sides[BUY] if p >= self.centre]
        levels += [(SELL, p, 0) for p in self.book.sides[SELL] if p <= self.centre]
        for _ in range(int(self.r.integers(1, 5))):
            away = 1 + int(self.r.exponential(6)) if self.r.random() < 0.97 else 70_000
            side = BUY if self.r.random() < 0.5 else SELL
            away = min(away, self.centre - 1) if side == BUY else away
            levels.append((side, self.centre - side * away, 0 if self.r.random() < 0.3 else self.size()))
        self.r.shuffle(levels)
        self.message([(int(s), int(p), int(q)) for s, p, q in levels])

    def trade(self):
        side = int(self.r.choice([-1, 0, 1]))
        late = int(self.r.exponential(2 * SECOND)) if self.r.random() < 0.05 else 2 * MILLISECOND
        price = self.centre + int(self.r.integers(-2, 3))
        self.put(Kind.TRADE, side=side, price=price, qty=self.size(), exch=self.now - late, flags=Flag.END)

    def rare(self):
        u = self.r.random()
        if u < 0.2:
            self.put(Kind.GAP)
            if self.r.random() < 0.5:
                self.depth()
            self.snapshot()
        elif u < 0.3:
            self.snapshot()
        elif u < 0.4:
            side = BUY if self.r.random() < 0.5 else SELL
            self.message([(side, p, 0) for p in list(self.book.sides[side])] or [(side, self.centre - side, 5)])
        elif u < 0.5:
            self.message([(BUY, self.centre + 4, 3)])  # crossed at its end: a fault of the feed
        elif u < 0.6:
            self.put(Kind.TIMER)
        elif u < 0.7:
            offset = int(self.r.integers(-SECOND, SECOND))
            self.put(Kind.CLOCK, side=int(self.r.choice([0, Kind.TRADE, Kind.DEPTH])), qty=offset, flags=Flag.END)
        elif u < 0.8:
            self.put(Kind.VALUE, flags=Flag.END)
        else:
            bid, ask = self.book.best(BUY), self.book.best(SELL)
            self.put(Kind.BBO, side=1, price=bid[0] or 0, qty=bid[1])
            self.put(Kind.BBO, side=-1, price=ask[0] or 0, qty=ask[1], flags=Flag.END)

    def step(self):
        u = self.r.random()
        if u < 0.003:
            self.now += int(self.r.integers(1, 30)) * SECOND
        elif u < 0.9:
            self.now += int(self.r.exponential(20 * MILLISECOND))
        if u > 0.98:
            self.rare()
        elif self.r.random() < 0.25:
            self.trade()
        else:
            self.depth()


def random_rows(seed, n=4000):
    """At least `n` rows, the first of which are depth before any snapshot."""
    maker = Maker(seed)
    maker.depth()
    maker.snapshot()
    while len(maker.rows) < n:
        maker.step()
    return np.concatenate(maker.rows)


def bar_rows(bars):
    """BAR rows, received 100 ms after each bar's close, and their side table."""
    rows, table = np.zeros(len(bars), ROW), np.zeros(len(bars), BAR)
    for n, bar in enumerate(bars):
        for name, value in ({"corrects": -1, "buy_volume": -1, "trades": -1} | bar).items():
            table[n][name] = value
        close = bar["open_time"] + bar["duration"]
        rows[n] = (close + 100 * MILLISECOND, close, bar["volume"], bar["close"], n, 0, Kind.BAR, 0, Flag.END)
    return rows, table


class Player:
    """One fold over rows of one or several instruments, called as the engine calls it, one row at a time."""

    def __init__(self, name, params=None, inst=None, insts=None):
        self.module = importlib.import_module(f"tickerml.features.{name}")
        self.params = self.module.Params() if params is None else params
        self.p = params_record(self.params)
        self.insts = np.array([instrument() if inst is None else inst] if insts is None else insts)
        n = len(self.insts)
        self.state = np.zeros(n, self.module.State)
        self.out = np.full(n, math.nan, np.dtype([(field, "f8") for field in self.module.FIELDS]))
        self.ladders = new_ladders(n)

    def call(self, handler, row, **table):
        fold, n = getattr(self.module, handler, None), int(row["inst"])
        if fold is None:
            return
        mine = {"s": self.state[n], "b": self.ladders[n], "f": self.out[n], "i": self.insts[n], "n": n}
        given = {"p": self.p, "row": row, "ss": self.state, "fs": self.out, "insts": self.insts} | mine | table
        names = inspect.signature(getattr(fold, "py_func", fold)).parameters
        if fold(*(given[name] for name in names)) and hasattr(self.module, "across"):
            self.call("across", row)

    def step(self, row, bars=None, values=None):
        apply(self.ladders[row["inst"]], row)
        self.call("on_row", row)
        if row["kind"] == Kind.BAR:
            self.call("on_bar", row, bar=bars[int(row["ref"])])
        if row["kind"] == Kind.VALUE and values is not None:
            self.call("on_value", row, value=values[int(row["ref"])])
        return self.out[row["inst"]]

    def run(self, rows, bars=None):
        """(row, fields) at each row on which folds may emit."""
        for row in rows:
            fields = self.step(row, bars)
            plain = Row(row)
            if plain.ends:
                yield plain, {name: float(fields[name]) for name in fields.dtype.names}


def assert_close(got, wanted, where=""):
    for name, value in wanted.items():
        both_nan = math.isnan(got[name]) and math.isnan(value)
        near = math.isclose(got[name], value, rel_tol=1e-11, abs_tol=1e-11)
        assert both_nan or near, f"{where}: {name} is {got[name]!r}, the oracle says {value!r}"


class Window:
    """The oracle of a window: all that was ever put in, looked through each time."""

    def __init__(self, length):
        self.width = length // 64
        self.events = []
        self.first = None

    def see(self, now):
        if self.first is None:
            self.first = now // self.width

    def put(self, now, *values):
        self.see(now)
        self.events.append((now // self.width, values))

    def inside(self, now):
        bucket = now // self.width
        self.events = [e for e in self.events if e[0] > bucket - 64]
        return [values for _, values in self.events]

    def full(self, now):
        return self.first is not None and now // self.width - self.first >= 64

    def restart(self):
        self.events, self.first = [], None
