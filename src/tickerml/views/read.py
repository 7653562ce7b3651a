"""From a run's tape and its manifest to a `Story`. Blobs are read by key; keys that are not known here are ignored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np

from tickerml.account.contract import from_money
from tickerml.tape.balances import Balances, balances_of
from tickerml.tape.block import Block, concat
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Flag, Kind, Rows
from tickerml.tape.tape import Header, Tape
from tickerml.views.health import health_of
from tickerml.views.paid import Payments, unit_of
from tickerml.views.regimes import Regimes
from tickerml.views.settled import is_forecast, is_trade, outcome, trade
from tickerml.views.story import (
    Count,
    Curve,
    Decisions,
    Head,
    Layer,
    Paid,
    Prices,
    Recipe,
    Story,
    Twins,
)
from tickerml.views.values import decimal, part, real, whole, written

_KEPT: Final = {  # what kept a quote, as a DESK row counts it and as people read it
    "by_envelope": "envelope-of-the-coin",
    "by_rate": "rate-of-messages",
    "by_positions": "positions-at-once",
    "by_orders": "open-orders",
    "by_in_use": "margin-in-use",
    "by_unknown": "orders-without-an-answer",
}
_READ: Final = (Kind.INTENT, Kind.REFUSAL, Kind.SETTLED, Kind.DESK)
_INTENT, _REFUSAL, _SETTLED, _DESK = map(int, _READ)
_AT_ONCE: Final = 1 << 16  # rows
_DECODE: Final = msgspec.json.Decoder(dict[str, Any]).decode
_COUNTED: Final = {Kind.SUBMIT: "orders", Kind.FILL: "fills", Kind.REJECT: "rejects"}


@dataclass(slots=True)
class _Gathered:
    """What one pass over the run's tape finds."""

    instruments: dict[int, Instrument]
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("orders", "fills", "rejects", "signals"), 0))
    passes: dict[tuple[str, int], int] = field(default_factory=dict)
    refusals: dict[tuple[str, int], int] = field(default_factory=dict)
    quotes: dict[tuple[str, int], int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    intents: dict[int, dict[str, Any]] = field(default_factory=dict)  # by sequence
    wanted: set[int] = field(default_factory=set)  # instruments with an intent
    settled: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    balances: list[Balances] = field(default_factory=list)
    regimes: Regimes = field(default_factory=Regimes)
    payments: Payments = field(default_factory=Payments)
    first: int = 0
    last: int = 0


def read_story(
    tape: Tape,
    manifest: Mapping[str, Any],
    *,
    prices: Mapping[str, Prices] | None = None,
    waterfall: list[tuple[str, Decimal | str | None]] | None = None,
    twins: Twins | None = None,
) -> Story:
    """Read a run: its tape (the rows that the run made), its manifest, and what was computed beside it.

    `prices` by symbol (views/prices.py takes them from the source tape); `waterfall` as (layer, money), else the
    manifest's. Of the manifest these keys are read, all may be missing: run, called, mode, strategy, strategies,
    params, seed, command, cash, currency, pairs, trials, trials_variance, notes, seconds, rows, report, waterfall,
    decision_hash, state_hash, kernel_hash, versions, visibility, latency, leak_check, leaks, both_inside, no_twins,
    in_sample, first_sequence, and of its "source": title, content_hash, start, end, synthetic, rows, gaps, resyncs,
    lost, crossed, duplicates, problems, clocks, breaks, assumed_clock, bar_only. Raises msgspec.DecodeError when a blob
    is not JSON.
    """
    found = _Gathered({i.id: i for i in tape.header.instruments})
    seq = int(manifest.get("first_sequence") or 0)
    for block in _joined(tape.blocks()):
        _gather(block, seq, found)
        seq += len(block)
    return _told(tape.header, manifest, found, dict(prices or {}), waterfall, twins)


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """The same rows in fewer blocks: a run is journalled a few rows at a time, and each block has its price here."""
    held, rows = list[Block](), 0
    for block in blocks:
        held.append(block)
        rows += len(block)
        if rows >= _AT_ONCE:
            yield concat(held)
            held, rows = [], 0
    if rows:
        yield concat(held)


def answered(rows: Rows) -> int:
    """How many intents these rows tell of: one of a compiled strategy is a row a side."""
    return int(((rows["kind"] == Kind.INTENT) & (rows["flags"] & Flag.END != 0)).sum())


def _gather(block: Block, seq: int, found: _Gathered) -> None:
    rows = block.rows
    if not len(rows):
        return
    found.first = found.first or int(rows["recv"][0])
    found.last = int(rows["recv"][-1])
    for kind, name in _COUNTED.items():
        found.counts[name] += int((rows["kind"] == kind).sum())
    found.counts["signals"] += answered(rows)
    _count_reasons(block, Kind.PASS, "reason", found.passes)
    _count_reasons(block, Kind.REFUSAL, "code", found.refusals)
    found.payments.add(block)
    told = balances_of(rows)
    if len(told):
        found.balances.append(told)
    for at, what, inst, time, blob in _blobs(block):
        if what == _INTENT:
            found.intents[seq + at] = blob
            found.wanted.add(inst)
        elif what == _REFUSAL:
            found.examples[str(blob.get("code", "unnamed"))] = str(blob.get("text", ""))
        elif what == _SETTLED:
            found.settled.append((inst, blob))
        else:
            found.regimes.note(time, blob)
            for key, reason in _KEPT.items() if blob.get("what") == "quotes refused" else ():
                found.quotes[reason, inst] = found.quotes.get((reason, inst), 0) + int(blob.get(key, 0))


def _blobs(block: Block) -> Iterator[tuple[int, int, int, int, dict[str, Any]]]:
    """(place, kind, instrument, ns, blob) of each row that is read one by one."""
    rows, decode = block.rows, _DECODE
    places = np.flatnonzero(np.isin(rows["kind"], _READ) & (rows["ref"] >= 0))
    columns = (places, *(rows[name][places] for name in ("kind", "inst", "recv", "ref")))
    for at, kind, inst, time, ref in zip(*(column.tolist() for column in columns), strict=True):
        yield at, kind, inst, time, decode(block.blobs[ref])


class _Named(msgspec.Struct):
    """The one key of a pass or a refusal that is counted; all others are skipped while parsing."""

    reason: str = "unnamed"
    code: str = "unnamed"


_NAMED: Final = msgspec.json.Decoder(_Named)


def _count_reasons(block: Block, kind: Kind, key: str, into: dict[tuple[str, int], int]) -> None:
    """Count by (reason, instrument); a blob that many rows share is parsed once, however many passes there are.

    A row may tell of many passes: their count is its quantity, 0 where it is one.
    """
    rows = block.rows[(block.rows["kind"] == kind) & (block.rows["ref"] >= 0)]
    pairs, place = np.unique(rows["ref"].astype(np.int64) << 32 | rows["inst"], return_inverse=True)
    counts = np.zeros(len(pairs), np.int64)
    np.add.at(counts, place, np.maximum(rows["qty"], 1))
    for pair, n in zip(pairs.tolist(), counts.tolist(), strict=True):
        named = getattr(_NAMED.decode(block.blobs[pair >> 32]), key), pair & 0xFFFFFFFF
        into[named] = into.get(named, 0) + n


def _told(
    header: Header,
    manifest: Mapping[str, Any],
    found: _Gathered,
    prices: dict[str, Prices],
    waterfall: list[tuple[str, Decimal | str | None]] | None,
    twins: Twins | None,
) -> Story:
    start = _start(header, manifest, found)
    trades = [
        replace(
            trade(_symbol(found, inst), found.instruments.get(inst), blob, _intent(found, blob)),
            regime=found.regimes.at(whole(blob.get("entry_time")) or 0),
        )
        for inst, blob in found.settled
        if is_trade(blob)
    ]
    unit = unit_of(found.balances, header.instruments)
    paid = found.payments.total(header.instruments, *unit, found.intents, prices) if unit is not None else None
    layers = waterfall if waterfall is not None else manifest.get("waterfall") or []
    return Story(
        head=_head(header, manifest, found, paid),
        start_equity=start,
        final_equity=_equity(found, -1) if found.balances else start,
        curve=_curve(found, start, part(manifest, "source")),
        trades=tuple(sorted(trades, key=lambda t: (t.exit_time, t.entry_time, t.coin))),
        outcomes=tuple(outcome(b) for _, b in found.settled if is_forecast(b)),
        prices=prices,
        waterfall=tuple(_layer(*one) for one in layers),
        twins=twins,
        paid=paid,
        no_twins=str(manifest.get("no_twins") or ""),
        decisions=_decisions(found),
        health=health_of(header, manifest),
        recipe=_recipe(manifest),
        seconds=manifest.get("seconds"),
        report=str(manifest.get("report", "")),
    )


def _start(header: Header, manifest: Mapping[str, Any], found: _Gathered) -> Decimal:
    """The run's money at its start: its cash; where coins were held beside it, the first equity that was told."""
    cash, account = decimal(manifest.get("cash")), part(part(manifest, "config"), "account")
    coins = {coin for coin, amount in part(account, "balances").items() if decimal(amount) > 0}
    spot = {i.settle for i in header.instruments if i.base in coins and i.symbol == f"{i.base}/{i.quote}"}
    unit = unit_of(found.balances, header.instruments)
    counted = bool(account.get("spot_wallets")) and unit is not None and unit[0] in spot
    return _equity(found, 0) if not cash or counted else cash


def _equity(found: _Gathered, at: int) -> Decimal:
    """The first (0) or the last (-1) equity that was told."""
    told = found.balances[at] if found.balances else None
    return from_money(int(told.equity[at]), int(told.decimals[at])) if told is not None else Decimal(0)


def _layer(name: str, money: Decimal | str | None, trades: int | None = None) -> Layer:
    return Layer(name, None if money is None else decimal(money), trades)


def _head(header: Header, manifest: Mapping[str, Any], found: _Gathered, paid: Paid | None) -> Head:
    source, coins = part(manifest, "source"), _coins(header, manifest, found)
    priced = found.instruments.get(int(found.balances[-1].inst[-1])) if found.balances else None
    currency = priced.settle if priced is not None else None
    return Head(
        run=str(manifest.get("run", "")),
        called=str(manifest.get("called") or ""),
        mode=str(manifest.get("mode", "paper")),
        strategy=str(manifest.get("strategy", "strategy")),
        coins=coins,
        currency=str(currency or manifest.get("currency") or "USDT"),
        source=str(source.get("title") or header.title),
        start=int(source.get("start") or found.first),
        end=int(source.get("end") or found.last),
        synthetic=str(source.get("synthetic") or header.synthetic),
        stopped=bool(manifest.get("stopped")),
        notes=tuple(dict.fromkeys((*_notes(header, coins), *map(str, manifest.get("notes") or ())))),
        trials=manifest.get("trials"),
        trials_variance=real(manifest.get("trials_variance")),
        in_sample=str(manifest.get("in_sample") or ""),
        strategies=tuple(str(one["name"]) for one in manifest.get("strategies") or ()),
        quoting=_quoting(manifest.get("strategies") or (), paid),
    )


def _quoting(strategies: Sequence[Mapping[str, Any]], paid: Paid | None) -> str:
    """The compiled strategy of a run; one alone in a run that does not say so is, if it has quoted."""
    named = [str(one["name"]) for one in strategies if one.get("compiled")]
    alone = [str(one["name"]) for one in strategies] if paid is not None and paid.quotes else []
    return named[0] if named else alone[0] if len(alone) == 1 else ""


def _notes(header: Header, coins: tuple[str, ...]) -> list[str]:
    """Those of the header that are not about an instrument that this run did not trade."""
    others = tuple(f"{i.symbol}{sign}" for i in header.instruments if i.symbol not in coins for sign in (":", " ("))
    return [note for note in header.notes if not (others and note.startswith(others))]


def _coins(header: Header, manifest: Mapping[str, Any], found: _Gathered) -> tuple[str, ...]:
    """The coins that were decided on, in the order of the source; else those asked for; else all."""
    decided = {inst for _, inst in (*found.passes, *found.refusals)} | found.wanted | {i for i, _ in found.settled}
    symbols = tuple(dict.fromkeys(i.symbol for i in header.instruments))
    asked = tuple(map(str, manifest.get("pairs") or ()))
    return tuple(dict.fromkeys(i.symbol for i in header.instruments if i.id in decided)) or asked or symbols


def _recipe(manifest: Mapping[str, Any]) -> Recipe:
    hashes = {
        "decisions": manifest.get("decision_hash"),
        "states": manifest.get("state_hash"),
        "source": part(manifest, "source").get("content_hash"),
        "kernels": manifest.get("kernel_hash"),
    }
    parameters = {str(k): written(v) for k, v in sorted(part(manifest, "params").items())}
    if manifest.get("seed") is not None:
        parameters["seed"] = str(manifest["seed"])
    versions = {str(k): str(v) for k, v in sorted(part(manifest, "versions").items())}
    command = manifest.get("command") or ""
    return Recipe(
        command=command if isinstance(command, str) else " ".join(map(str, command)),
        parameters=parameters,
        hashes={k: str(v) for k, v in hashes.items() if v},
        versions=versions,
    )


def _decisions(found: _Gathered) -> Decisions:
    def listed(counts: dict[tuple[str, int], int]) -> tuple[Count, ...]:
        """Counts by coin: two instruments of one symbol (a changed tick) are one coin."""
        merged: dict[tuple[str, str], int] = {}
        for (reason, inst), n in counts.items():
            key = reason, _symbol(found, inst)
            merged[key] = merged.get(key, 0) + n
        return tuple(Count(reason, coin, n) for (reason, coin), n in sorted(merged.items()))

    return Decisions(
        listed(found.passes),
        listed(found.refusals),
        dict(sorted(found.examples.items())),
        found.counts["signals"],
        found.counts["orders"],
        found.counts["fills"],
        found.counts["rejects"],
        tuple(one for one in listed(found.quotes) if one.n),
    )


def _curve(found: _Gathered, start: Decimal, source: Mapping[str, Any]) -> Curve:
    """One point a stamp (the last of it), led by the equity at the start.

    What lies before the first row of the market traded only prepares it, and counts as its beginning; what lies behind
    its last row (other instruments go on: the source of a ratio), or the end of the last trade, counts as its end.
    """
    since, until = int(source.get("start") or 0), int(source.get("end") or found.last)
    until = max([until, *(int(blob.get("exit_time") or 0) for _, blob in found.settled)])
    told = [np.concatenate([[found.first], *(b.time for b in found.balances)])]
    for first, name in ((start, "equity"), (start, "cash"), (0, "exposure")):
        money = (getattr(b, name) / 10.0**b.decimals for b in found.balances)
        told.append(np.concatenate([[float(first)], *money]))
    time, *columns = told
    time = np.clip(time, since, max(since, until))
    last = np.append(time[1:] != time[:-1], True)
    equity, cash, exposure = (c[last] for c in columns)
    return Curve(time[last], equity, cash, np.abs(exposure))


def _intent(found: _Gathered, blob: Mapping[str, Any]) -> dict[str, Any]:
    seq = whole(blob.get("intent"))
    return {} if seq is None else found.intents.get(seq, {})


def _symbol(found: _Gathered, inst: int) -> str:
    thing = found.instruments.get(inst)
    return thing.symbol if thing is not None else "all coins"
