"""The state of a run for the screen: counts kept while its rows pass, figures read off the machine when one is due."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np

from tickerml.account.position import entry_price, unrealised
from tickerml.engine.machine import Machine
from tickerml.run.extent import Extent
from tickerml.run.seen import Seen
from tickerml.tape.block import Block
from tickerml.tape.rows import DAY, SECOND, Flag, Kind, Record
from tickerml.tape.shown import shown
from tickerml.views import calibration, figures
from tickerml.views.live_state import Counted, Event, Feeds, LiveState, Position
from tickerml.views.read import answered
from tickerml.views.settled import is_forecast, is_trade, outcome, trade
from tickerml.views.story import Curve, Head, Story
from tickerml.views.words import clock, money, percent, price, spoken

EVENTS: Final = 6
STALE: Final = 5 * SECOND
_NOTABLE: Final = (int(Kind.FILL), int(Kind.REFUSAL), int(Kind.SETTLED), int(Kind.REJECT))
_NO_CURVE: Final = Curve(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(3)))


class LiveRun:
    """Follows one run: `take` hears every made row, `state` is the snapshot that is drawn."""

    def __init__(self, head: Head, cash: Decimal, extent: Extent, seen: Seen, *, live: bool, speed: str) -> None:
        """`head` as the report's; `seen`: what passed of the source; `live`: rows come as they happen."""
        self._story = Story(head, cash, cash, _NO_CURVE)
        self._extent, self._seen, self._live, self._speed = extent, seen, live, speed
        self._passes: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._counts: Counter[int] = Counter()
        self._events: deque[tuple[Record, Any]] = deque(maxlen=EVENTS)
        self._machine: Machine | None = None
        self._began, self._first, self._signals = 0.0, 0, 0

    def watch(self, machine: Machine) -> None:
        """The machine whose states are read."""
        self._machine = machine

    def take(self, block: Block) -> None:
        """Count the next made rows."""
        kinds = block.rows["kind"]
        for kind, n in enumerate(np.bincount(kinds).tolist()):
            if n:
                self._counts[kind] += n
        self._signals += answered(block.rows)
        self._reasons(block, Kind.PASS, "reason", self._passes)
        self._reasons(block, Kind.REFUSAL, "code", self._refusals)
        notable = np.flatnonzero(np.isin(kinds, _NOTABLE))
        settled = np.flatnonzero(kinds == Kind.SETTLED)
        for at in settled.tolist():
            self._settled(block.rows[at], msgspec.json.decode(block.blobs[block.rows[at]["ref"]]))
        for at in notable[-EVENTS:].tolist():
            row = block.rows[at]
            told = block.blobs[row["ref"]] if row["kind"] in (Kind.SETTLED, Kind.REFUSAL) else block.orders[row["ref"]]
            self._events.append((row, told))

    def _reasons(self, block: Block, kind: Kind, key: str, into: Counter[str]) -> None:
        rows = block.rows[block.rows["kind"] == kind]
        refs, place = np.unique(rows["ref"], return_inverse=True)
        counts = np.zeros(len(refs), np.int64)
        np.add.at(counts, place, np.maximum(rows["qty"], 1))  # a row may tell of many passes
        for ref, n in zip(refs.tolist(), counts.tolist(), strict=True):
            into[str(msgspec.json.decode(block.blobs[ref]).get(key, "unnamed"))] += n

    def _settled(self, row: Record, blob: dict[str, Any]) -> None:
        story, instruments = self._story, self._books.instruments
        if is_trade(blob):
            inst = instruments[int(row["inst"])]
            story = replace(story, trades=(*story.trades, trade(inst.symbol, inst, blob, {})))
        if is_forecast(blob):
            story = replace(story, outcomes=(*story.outcomes, outcome(blob)))
        self._story = story

    @property
    def _books(self) -> Any:
        if self._machine is None:
            raise RuntimeError("watch(machine) comes before its rows")
        return self._machine.trader.books

    def state(self, rows: int) -> LiveState:
        """The snapshot after `rows` rows of the source."""
        books, story, now = self._books, self._story, time.monotonic()
        if not self._began:
            self._began, self._first = now, rows
        spent = now - self._began
        done = self._extent.done(rows, books.now)
        cost = figures.round_trip_cost(story)
        return LiveState(
            mode=story.head.mode,
            strategy=story.head.strategy,
            coins=len(story.head.coins),
            run=story.head.run,
            time=books.now,
            synthetic=story.head.synthetic,
            speed=self._speed,
            done=done,
            elapsed=int(spent * SECOND),
            left=int(spent * (1 - done) / done * SECOND) if done and spent > 1 else None,
            rows=rows,
            rows_per_s=(rows - self._first) / spent if spent > 0.1 else 0.0,
            positions=tuple(self._positions()),
            passes=dict(self._passes),
            refusals=dict(self._refusals),
            signals=self._signals,
            orders=self._counts[int(Kind.SUBMIT)],
            confidence=calibration.spoken(calibration.calibration(story)) if len(story.outcomes) else "",
            costs="" if np.isnan(cost) else f"a trade needs {percent(cost, sign=False)} to break even",
            feeds=self._feeds(),
            counted=self._counted(story),
            events=tuple(self._told()),
            **self._money(story),
        )

    def _money(self, story: Story) -> dict[str, Any]:
        """What the account is worth, what it has closed, and what it risks."""
        books, needed = self._books, figures.needed_trades(story)
        in_use = sum(int(s["in_use"]) for s in books.setups.open())
        return {
            "currency": story.head.currency,
            "start_equity": story.start_equity,
            "equity": books.wallets.amount(books.purse, books.equity(books.purse)),
            **self._closed(story),
            "in_use": in_use / max(1, books.equity(books.purse)),
            "limit": self._limit(),
            "worst_fall": -float(books.account[0]["worst"]),
            "trades": len(story.trades),
            "won": figures.won(story),
            "needed": None if np.isnan(needed) else max(figures.FEW_TRADES, needed),
        }

    def _closed(self, story: Story) -> dict[str, Decimal]:
        """What closed trades made, fees and funding in it; of a compiled strategy, which has none, its positions."""
        books = self._books
        if books.loop.plan.compiled_owner < 0:
            return {name: getattr(figures, name)(story) for name in ("closed", "fees", "funding")}
        mine = [n for n, wallet in enumerate(books.wallets.wallet_of) if wallet == books.purse]
        sums = {name: int(books.loop.positions[name][mine].sum()) for name in ("realised", "fees", "funding")}
        told = {name: books.wallets.amount(books.purse, money) for name, money in sums.items()}
        fees, funding = told["fees"], told["funding"]
        return {"closed": told["realised"] - fees + funding, "fees": fees, "funding": funding}

    def _counted(self, story: Story) -> Counted:
        """What metrics tell beside what is drawn."""
        books = self._books
        equity, memory = books.equity(books.purse), self._desk.memory
        fund, latch = memory.funds[books.purse], memory.latch[0]
        trades = dict.fromkeys(story.head.strategies, (0, 0))
        for one in story.trades:
            ended, won = trades.get(one.strategy, (0, 0))
            trades[one.strategy] = ended + 1, won + (one.pnl > 0)
        return Counted(
            fills=self._counts[int(Kind.FILL)],
            rejects=self._counts[int(Kind.REJECT)],
            messages=sum(self._counts[int(kind)] for kind in (Kind.SUBMIT, Kind.CANCEL, Kind.AMEND)),
            day_loss=_lost(equity, float(fund["day_start"])),
            drawdown=_lost(equity, float(books.account[0]["peak"])),
            killed=bool(latch["killed"]),
            trades=trades,
        )

    @property
    def _desk(self) -> Any:
        if self._machine is None:
            raise RuntimeError("watch(machine) comes before its rows")
        return self._machine.trader.desk

    def _limit(self) -> float:
        desk = self._machine.trader.desk if self._machine is not None else None
        return desk.limits.max_in_use if desk is not None else 0.0

    def _positions(self) -> Iterator[Position]:
        books = self._books
        setups = {int(s["inst"]): s for s in books.setups.open() if s["entered"]}
        held = [n for n, p in enumerate(books.loop.positions) if p["position"]]
        for n in sorted({*setups, *held}):
            inst, mark = books.instruments[n], books.prices.mark(n)
            s, p, contract = setups.get(n), books.loop.positions[n], books.wallets.contracts[n]
            wallet = books.wallets.wallet_of[n]
            if s is not None and s["superp"]:
                side, size, ticks = (
                    int(s["side"]),
                    books.wallets.amount(wallet, int(s["stake"])),
                    float(s["entry_ticks"]),
                )
                profit = books.superp_worth(s, mark)
                basis = int(s["stake"])
            else:
                lots = int(p["position"])
                side, size, ticks = (1 if lots > 0 else -1), inst.size(abs(lots)), float(entry_price(p, contract))
                profit, basis = int(unrealised(p, contract, mark)), abs(int(p["cost"]))
            entry = inst.tick * round(Decimal(ticks if ticks == ticks else 0), 1)
            yield Position(
                coin=inst.symbol,
                side=side,
                size=size.normalize(),
                entry=entry,
                now=inst.price(mark),
                pnl=books.wallets.amount(wallet, profit),
                share=profit / basis if basis else 0.0,
                stop=_level(entry, -side, s, "stop", inst.tick),
                target=_level(entry, side, s, "target", inst.tick),
                left=max(0, int(s["horizon"]) - books.now) if s is not None else None,
            )

    def _feeds(self) -> Feeds:
        books = self._books
        marks = books.loop.marks
        times = marks["time"] * (marks["rows"] > 0)
        if not times.any():  # a compiled strategy alone keeps no marks: as far as rows have been read
            newest = self._seen.newest[:-1]
            times[: len(newest)] = newest
        fed = [n for n, i in enumerate(books.instruments) if not i.values_only and times[n]]
        ages = {n: max(0, books.now - int(times[n])) for n in fed}
        fresh = [n for n in fed if ages[n] <= (DAY if books.prices.is_bar_only(n) else STALE)]
        stale = [n for n in fed if n not in fresh] if self._live else []
        offsets = [int(marks[n]["offset"][int(Kind.DEPTH)]) for n in fed]
        return Feeds(
            total=sum(not i.values_only for i in books.instruments),
            current=len(fresh),
            oldest_ms=max(ages.values(), default=0) / 1e6,
            gaps=int(books.loop.books["gaps"].sum()),
            resyncs=self._seen.resyncs,
            crossed=int(books.loop.books["crossed"].sum()),
            clock_ns=max(offsets, key=abs, default=0),
            stale=tuple((books.instruments[n].symbol, ages[n] / SECOND) for n in stale),
        )

    def _told(self) -> Iterator[Event]:
        for row, told in reversed(self._events):
            yield self._event(row, told)

    def _event(self, row: Record, told: Any) -> Event:
        inst, at = self._books.instruments[int(row["inst"])], int(row["recv"])
        coin, kind = inst.symbol.split("/")[0], int(row["kind"])
        if kind == Kind.FILL:
            word = "buy" if row["side"] > 0 else "sell"
            made = "resting" if int(row["flags"]) & int(Flag.MAKER) else "taken"
            size, paid = inst.size(int(row["qty"])).normalize(), inst.price(int(row["price"]))
            return Event(at, f"{word} {size:f} {coin} at {price(paid)}", f"filled, {made}")
        if kind == Kind.REJECT:
            return Event(at, f"rejected by the venue: {coin}", "", "WARNING")
        blob = msgspec.json.decode(told)
        if kind == Kind.REFUSAL:
            return Event(at, f"refused {coin}", shown(str(blob.get("text", ""))))
        side = "long" if int(blob.get("side", 1)) > 0 else "short"
        if not is_trade(blob):
            return Event(at, f"{coin} {side} not filled", spoken(str(blob.get("reason", ""))))
        gained = money(Decimal(str(blob["pnl"])), inst.settle, sign=True)
        held = clock(int(blob["exit_time"]) - int(blob["entry_time"]))
        return Event(at, f"closed {coin} {side} {gained} {inst.settle}", f"{spoken(str(blob['reason']))}, held {held}")


def _lost(equity: int, before: float) -> float:
    """The share of an equity of before that is lost; 0 where none is, or there was none."""
    return max(0.0, 1 - equity / before) if before > 0 else 0.0


def _level(entry: Decimal, direction: int, s: Record | None, key: str, tick: Decimal) -> Decimal | None:
    if s is None or not s[key]:
        return None
    return (entry * (1 + direction * Decimal(float(s[key])))).quantize(tick)


def also(sink: Callable[[Block], None], live: LiveRun | None) -> Callable[[Block], None]:
    """A sink that lets `live` hear what passes."""
    if live is None:
        return sink

    def both(block: Block) -> None:
        """Count it for the screen, then pass it on."""
        live.take(block)
        sink(block)

    return both
