"""From made rows to rows of tables: a pure fold. What it gives depends on the rows alone, not on how they are cut."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tickerml.ledger.counts import Prices, Signals
from tickerml.ledger.exact import UNKNOWN, Step, things
from tickerml.ledger.figures import Metrics
from tickerml.ledger.orders import AMOUNT, AT, ID, PARENT, TYPE, Orders
from tickerml.tape.balances import not_three
from tickerml.tape.block import TABLE_OF, Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.orders import OrderType
from tickerml.tape.rows import MINUTE, Flag, Kind
from tickerml.tape.tape import ContentHash

Row = tuple[Any, ...]

_PASS, _INTENT, _END = int(Kind.PASS), int(Kind.INTENT), int(Flag.END)
_UNDECIDED: Final = 4096  # intents that may wait for what becomes of them
_EXITS: Final = ("close", "part", "stop")  # what a wished exposure comes to that needs no approval
_OUTCOMES: Final = {1: "long", -1: "short"}
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_ORDERED: Final = {int(k) for k in (Kind.ACK, Kind.REJECT, Kind.FILL, Kind.CANCELED, Kind.CANCEL, Kind.AMENDED)}


class _Passed(msgspec.Struct):
    """The two keys of a pass that are counted; all others are skipped while parsing."""

    strategy: str = ""
    reason: str = "unnamed"


_PASSED: Final = msgspec.json.Decoder(_Passed)


@dataclass(frozen=True, slots=True)
class Batch:
    """What rows `first` to `last` of the run's tape changed: whole rows by table, each key once."""

    first: int
    last: int
    hash: str  # of all rows from 0 to last
    tables: dict[str, list[Row]]


class Projector:
    """Takes the made rows of one run from the first on, and hands out what they change in batches.

    Memory holds open orders, open intents, the present minute and day, and what `batch` was not asked for yet.
    """

    def __init__(
        self, run: str, instruments: Iterable[Instrument], strategy: str = "", deciding: Sequence[str] = ()
    ) -> None:
        """`run` names it in the ledger; `strategy` is whose rows name none; `deciding` whom the desk numbers.

        Raises ConfigError `money-unit`.
        """
        self.run, self.next = run, 0  # sequence of the next row
        self._strategy, self._deciding = strategy, tuple(deciding)
        self._first = 0
        self._things = things(instruments)
        self._hash = ContentHash()
        self._orders, self._metrics = Orders(run), Metrics(run)
        self._signals, self._prices = Signals(run), Prices(run)
        self._rows: dict[str, list[Row]] = {}
        self._decisions: dict[int, list[Any]] = {}  # changed since the last batch
        self._open: OrderedDict[int, list[Any]] = OrderedDict()  # intents whose end may still come
        self._positions: dict[int, int] = {}  # lots by instrument
        self._told: list[str] = []  # figures of a balance whose last row has not come
        self._minute = 0

    @property
    def waiting(self) -> int:
        """Rows taken since the last batch."""
        return self.next - self._first

    @property
    def hash(self) -> str:
        """SHA-256 of all rows so far (ContentHash: cuts do not matter)."""
        return self._hash.hexdigest()

    def take(self, block: Block) -> None:
        """The next made rows. Raises msgspec.DecodeError when a blob is not JSON, InputError `balance-rows`."""
        if not len(block):
            return
        self._hash.update(block)
        kinds = np.ascontiguousarray(block.rows["kind"])
        times = np.maximum.accumulate(np.ascontiguousarray(block.rows["recv"]) // MINUTE * MINUTE)
        minutes = np.maximum(times, self._minute)
        quotes = (kinds == _INTENT) & (block.rows["ref"] < 0)  # of a compiled strategy: a row a side
        self._passes(block, kinds, minutes)
        self._quotes(block, np.flatnonzero(quotes & (block.rows["flags"] & _END != 0)), minutes)
        others = np.flatnonzero((kinds != _PASS) & ~quotes)
        if len(others):
            self._others(block, others, minutes)
        self._minute = int(minutes[-1])
        self.next += len(block)

    def batch(self) -> Batch:
        """What has changed since the last batch."""
        orders, fills = self._orders.rows()
        tables = {
            **self._rows,
            "orders": orders,
            "fills": fills,
            "trade_decisions": [tuple(row) for row in self._decisions.values()],
            "performance_metrics": self._metrics.rows(),
            "signals": self._signals.rows(self._minute),
            "exchange_prices": self._prices.rows(self._minute),
        }
        made = Batch(self._first, self.next - 1, self.hash, {name: rows for name, rows in tables.items() if rows})
        self._rows, self._decisions, self._first = {}, {}, self.next
        return made

    def _passes(self, block: Block, kinds: NDArray[Any], minutes: NDArray[np.int64]) -> None:
        """Count passes; a blob that many rows share is parsed once."""
        at = np.flatnonzero((kinds == _PASS) & (block.rows["ref"] >= 0))
        if not len(at):
            return
        rows = block.rows[at]
        base, wide = int(minutes[0]), len(block.blobs)
        minute, inst = (minutes[at] - base) // MINUTE, rows["inst"].astype(np.int64) + 1
        many = int(inst.max()) + 1
        keys, firsts, counts = np.unique(
            (minute * wide + rows["ref"]) * many + inst, return_index=True, return_counts=True
        )
        for key, first, count in zip(keys.tolist(), firsts.tolist(), counts.tolist(), strict=True):
            rest, number = divmod(key, many)
            late, ref = divmod(rest, wide)
            told = _PASSED.decode(block.blobs[ref])
            named = (base + late * MINUTE, told.strategy, number - 1, "pass", told.reason)
            self._signals.add(named, self._symbol(number - 1), self.next + int(at[first]), count)

    def _quotes(self, block: Block, at: NDArray[np.intp], minutes: NDArray[np.int64]) -> None:
        """Count the quotes of a compiled strategy, which are as many as the seconds of the run and carry no figures."""
        inst = block.rows["inst"][at].astype(np.int64)
        pairs, firsts, counts = np.unique(
            minutes[at] + (inst + 1),
            return_index=True,
            return_counts=True,  # a minute is longer than all ids
        )
        for pair, first, count in zip(pairs.tolist(), firsts.tolist(), counts.tolist(), strict=True):
            minute, number = pair // MINUTE * MINUTE, pair % MINUTE - 1
            named = (minute, self._strategy, number, "intent", "quotes")
            self._signals.add(named, self._symbol(number), self.next + int(at[first]), count)

    def _others(self, block: Block, at: NDArray[np.intp], minutes: NDArray[np.int64]) -> None:
        orders, blobs = block.orders.tolist(), block.blobs
        columns = (block.rows[at][n].tolist() for n in ("recv", "qty", "price", "ref", "inst", "kind", "side", "flags"))
        for n, minute, time, qty, price, ref, inst, kind, side, flags in zip(
            at.tolist(), minutes[at].tolist(), *columns, strict=True
        ):
            seq, thing = self.next + n, self._things.get(inst, UNKNOWN)
            if kind in _ORDERED:
                self._orders.told(seq, time, kind, inst, thing, (price, qty, side, flags), orders[ref])
                if kind == Kind.FILL:
                    self._filled(minute, inst, side, price, qty, orders[ref])
            elif kind == Kind.SUBMIT:
                self._submit(seq, time, inst, side, orders[ref])
            elif kind == Kind.FUNDING:
                self._funded(seq, time, minute, inst, price, orders[ref])
            elif kind == Kind.BALANCE:
                self._told.append(Step(1, price).text(qty))
                if flags & _END:
                    if len(self._told) != 3:
                        raise not_three()
                    self._balance(seq, time, thing.currency, *self._told)
                    self._told.clear()
            elif ref >= 0 and TABLE_OF.get(kind) == "blobs":
                told = msgspec.json.decode(blobs[ref])
                self._blob(kind, seq, time, minute, inst, side, price, told)

    def _blob(
        self, kind: int, seq: int, time: int, minute: int, inst: int, side: int, price: int, told: dict[str, Any]
    ) -> None:
        if kind == Kind.INTENT:
            self._intent(seq, time, minute, inst, side, price, told)
        elif kind == Kind.REFUSAL:
            self._refused(seq, minute, inst, told)
        elif kind == Kind.SETTLED:
            self._settled(seq, time, inst, told)
        elif kind == Kind.APPROVED:
            row = self._open.get(told.get("intent", -1))
            if row is not None:
                row[9], row[12], row[13] = "approved", _json(told.get("gates")), _text(told.get("bound"))
                self._decisions[row[1]] = row
        elif kind in (Kind.PARAMS, Kind.DESK):
            owner = told.pop("strategy", "desk" if kind == Kind.DESK else None)
            self._put("parameter_changes", (self.run, seq, time, self._named(owner), inst, _json(told)))

    def _intent(self, seq: int, time: int, minute: int, inst: int, side: int, price: int, told: dict[str, Any]) -> None:
        thing, strategy = self._things.get(inst, UNKNOWN), str(told.get("strategy") or "")
        kind, gates, rule = _text(told.get("kind")), told.get("gates"), _text(told.get("size_rule"))
        price_text = thing.price.text(price) if price > 0 else None
        verdict = "exit" if told.get("does") in _EXITS else "open"
        row = [self.run, seq, time, strategy, inst, thing.symbol, kind, side, price_text, verdict, None, None]
        row += [_json(gates) if gates is not None else None, rule, None, _json(told)]
        self._decisions[seq] = self._open[seq] = row
        if len(self._open) > _UNDECIDED:
            self._open.popitem(last=False)
        reason = _OUTCOMES.get(side, str(kind or ""))
        self._signals.add((minute, strategy, inst, "intent", reason), thing.symbol, seq)
        self._prices.add(minute, inst, "mark", thing, price)

    def _refused(self, seq: int, minute: int, inst: int, told: dict[str, Any]) -> None:
        code, strategy = str(told.get("code", "unnamed")), str(told.get("strategy") or "")
        self._signals.add((minute, strategy, inst, "refusal", code), self._symbol(inst), seq)
        row = self._open.pop(told.get("intent", -1), None)
        if row is None:
            return
        text = str(told.get("text", ""))
        gates = told.get("gates", [{"gate": code, "passed": False}])
        row[9:12] = "refused", code, text
        row[12], row[13] = _json(gates), _text(told.get("size_rule")) or _size_rule(text) or row[13]
        self._decisions[row[1]] = row

    def _submit(self, seq: int, time: int, inst: int, side: int, order: Row) -> None:
        row = self._open.get(order[PARENT])
        owner: tuple[int | None, str] = (None, self._strategy)
        if row is not None:
            owner = row[1], row[3]
            if row[14] is None:
                row[9], row[14] = "approved", order[ID]
                self._decisions[row[1]] = row
        self._orders.submit(seq, time, inst, self._things.get(inst, UNKNOWN), side, order, owner)

    def _filled(self, minute: int, inst: int, side: int, price: int, qty: int, order: Row) -> None:
        thing = self._things.get(inst, UNKNOWN)
        self._prices.add(minute, inst, "fill", thing, price)
        if order[TYPE] != OrderType.SUPERP:  # whose quantity is a stake
            self._positions[inst] = self._positions.get(inst, 0) + side * qty

    def _funded(self, seq: int, time: int, minute: int, inst: int, price: int, order: Row) -> None:
        thing = self._things.get(inst, UNKNOWN)
        self._prices.add(minute, inst, "funding", thing, price)
        mark = thing.price.text(price) if price > 0 else None
        amount = thing.money.text(order[AMOUNT])
        self._put("funding", (self.run, seq, time, order[AT], inst, thing.symbol, mark, amount, thing.currency))

    def _settled(self, seq: int, time: int, inst: int, told: dict[str, Any]) -> None:
        thing, figure = self._things.get(inst, UNKNOWN), told.get
        self._open.pop(told.get("intent", -1), None)
        traded = int(any(c in "123456789" for c in str(figure("qty") or "")) and figure("exit") is not None)
        row = [self.run, seq, time, figure("intent"), figure("strategy"), inst, thing.symbol, figure("side"), traded]
        row += [figure("entry_time"), figure("exit_time"), *(_text(figure(n)) for n in ("entry", "exit", "qty"))]
        row += [_text(figure(n)) for n in ("gross", "fees", "funding", "pnl")]
        row += [thing.currency, figure("reason"), int(bool(figure("superp")))]
        row += [_real(figure(n)) for n in ("leverage", "confidence", "confidence_raw", "mae", "mfe")]
        self._put("trade_history", tuple(row))
        for left, lots in figure("left") or ():  # held when the data ended: closed in the books, by no order
            self._positions[left] = self._positions.get(left, 0) - lots
        if traded:
            self._metrics.trade(seq, time, told)

    def _balance(self, seq: int, time: int, currency: str, equity: str, cash: str, exposure: str) -> None:
        fall = self._metrics.account(seq, time, equity)
        money = currency, cash, equity, exposure
        peak = self._metrics.peak_text
        self._put("portfolio_state", (self.run, seq, time, *money, peak, fall, _json(self._held())))

    def _held(self) -> dict[str, str]:
        """Sizes of what is held by symbol; those of an instrument and of the one that it replaced are one."""
        found: dict[str, str] = {}
        for inst, lots in sorted(self._positions.items()):
            if lots:
                thing = self._things.get(inst, UNKNOWN)
                text, before = thing.size.text(lots), found.get(thing.held_as)
                found[thing.held_as] = text if before is None else format(Decimal(before) + Decimal(text), "f")
        return {name: size for name, size in found.items() if Decimal(size)}

    def _put(self, table: str, row: Row) -> None:
        self._rows.setdefault(table, []).append(row)

    def _named(self, owner: Any) -> str | None:
        """A strategy's name; the desk's rows have its number among those that it judges."""
        known = isinstance(owner, int) and 0 <= owner < len(self._deciding)
        return self._deciding[owner] if known else _text(owner)

    def _symbol(self, inst: int) -> str:
        return self._things.get(inst, UNKNOWN).symbol


def _json(value: Any) -> str:
    return _ENCODER.encode(value).decode()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _real(value: Any) -> float | None:
    return None if value is None else float(value)


def _size_rule(text: str) -> str | None:
    """The rule that a refusal names in its words: "below minimum notional (size by cash)"."""
    _, found, rest = text.partition("(size by ")
    return rest.rstrip(")") if found else None
