"""What an account of some size can do: each rule of a strategy before the desk itself, coin by coin.

The desk sizes and judges every example setup with an empty account of that cash, as it would in a run; what it refuses,
or what is left out for being less than a lot, is impossible. The least cash that would do is found by halving.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from tickerml.config import Config
from tickerml.desk.approved import Approved, Refusal, Verdict
from tickerml.desk.manager import break_even
from tickerml.desk.order import Order
from tickerml.desk.sized import NO_LOT
from tickerml.run.empty_desk import EmptyDesk
from tickerml.run.examples import Example, examples
from tickerml.run.setup import dense, terms_of, with_least
from tickerml.run.strategies import BUILT_IN, Chosen, choose_all, known_coins, traded
from tickerml.run.tiers import tiered
from tickerml.tape.errors import InputError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Tape
from tickerml.views.possible import Possible, Rule

LEAST: Final = 5.0  # quote; smallest order that is assumed where nobody names one: the usual one of spot and USD-M
_DOUBLINGS: Final = 24


def feasible(
    strategy: str | Chosen | Sequence[str | Chosen],
    tape: Tape,
    *,
    config: Config,
    cash: Decimal,
    pairs: Sequence[str] = (),
) -> Possible:
    """Which rules of the strategies an account with this cash can follow on the tape's coins at their last prices.

    Raises ConfigError `strategy`; InputError `unknown-instrument`, `no-market-data`, `feasible` for a strategy whose
    setups are not known before it runs.
    """
    chosen = choose_all(strategy, config)
    known_coins(chosen, config, tape.header.instruments)
    unknown = next((one.name for one in chosen if one.source not in BUILT_IN or one.compiled), None)
    if unknown is not None:
        raise InputError(
            "feasible",
            f"what {unknown} trades is not known before it runs",
            means="rules can be judged ahead of a run for psc, dca, swing, channel and five_signal",
            try_=f"tickerml backtest -s {unknown} --cash {cash}     (its refusals are counted by reason)",
        )
    assumed = not config.account.min_notional and not any(i.min_notional for i in tape.header.instruments)
    if assumed:
        config = replace(config, account=replace(config.account, min_notional=LEAST))
    bench = _Bench(chosen, tape, config)
    rules = [rule for k in range(len(chosen)) for inst in bench.wanted(k, pairs) for rule in bench.rules(k, inst, cash)]
    notes = [
        f"costs: two taker fees of {100 * config.fees.taker:.3g} %, and {config.trading.slippage_bps:g} bps each way"
    ]
    if assumed:
        notes.append(f"the source names no smallest order: {LEAST:g} is assumed (account.min_notional)")
    return Possible(cash, bench.currency, tuple(rules), tuple(notes))


@dataclass(frozen=True)
class _Tried:
    """A verdict with what it was given on."""

    setup: Setup
    verdict: Verdict
    inst: Instrument

    @property
    def whole(self) -> bool:
        """Whether every entry of the setup became an order."""
        return isinstance(self.verdict, Approved) and len(self.verdict.orders) == len(self.setup.entries)


class _Bench:
    """A desk with nothing on it, for one proposal at a time."""

    def __init__(self, chosen: Sequence[Chosen], tape: Tape, config: Config) -> None:
        header = with_least(tape.header, config)
        self.instruments = dense(header.instruments)
        self.chosen, self.config = chosen, config
        terms, manager = tiered(terms_of(config), chosen, self.instruments, config), replace(config.manager, top=0)
        self.desk = EmptyDesk([one.name for one in chosen], self.instruments, config, terms, manager)
        self.last = _last_prices(tape)
        able = [i for i in self.instruments if not i.values_only]
        self.currency = able[0].settle if able else ""

    def wanted(self, k: int, pairs: Sequence[str]) -> tuple[Instrument, ...]:
        """The coins of a strategy that have a price; `pairs` may leave out what they settle in."""
        named = {i.symbol for i in self.instruments for p in pairs if p in (i.symbol, i.raw, i.symbol.split(":")[0])}
        missing = [
            p for p in pairs if not any(p in (i.symbol, i.raw, i.symbol.split(":")[0]) for i in self.instruments)
        ]
        if missing:
            known = ", ".join(i.symbol for i in self.instruments[:12])
            raise InputError("unknown-instrument", f"{missing[0]} is not in the source; it has {known}", key="--pairs")
        mine = traded(self.chosen[k], self.config, self.instruments, sorted(named) or None)
        return tuple(i for i in mine if self.last.get(i.id))

    def rules(self, k: int, inst: Instrument, cash: Decimal) -> Iterator[Rule]:
        """Every rule of strategy `k` on a coin."""
        price = self.last[inst.id] * float(inst.tick)
        for example in examples(self.chosen[k], inst, price, float(cash)):
            yield self._rule(k, inst, example, cash)

    def _rule(self, k: int, inst: Instrument, example: Example, cash: Decimal) -> Rule:
        name, setup = self.chosen[k].name, example.answer
        if not isinstance(setup, Setup):
            why = setup.reason if isinstance(setup, Pass) else "no setup"
            return Rule(name, inst.symbol, example.rule, possible=False, why=why)
        tried, cost = self._tried(k, inst, setup, cash), self.desk.cost
        stop = setup.stop if setup.stop is not None else 1 / (setup.leverage or 1.0)
        even = None if setup.target is None else break_even(setup.target, stop, cost)
        orders = tried.verdict.orders if isinstance(tried.verdict, Approved) else ()
        return Rule(
            name,
            inst.symbol,
            example.rule,
            possible=tried.whole,
            why=_why(tried),
            bound=_bound(tried.verdict),
            orders=tuple(self._order(inst, one) for one in orders),
            entries=len(setup.entries),
            needs=None if tried.whole else self._needs(k, inst, setup, cash),
            target=setup.target,
            stop=stop,
            cost=cost,
            break_even=even,
        )

    def _needs(self, k: int, inst: Instrument, setup: Setup, cash: Decimal) -> Decimal | None:
        """The least cash, to a hundredth of it, at which all of the setup would be sent; None where none does."""
        low, high = cash, cash
        for _ in range(_DOUBLINGS):
            high *= 2
            if self._tried(k, inst, setup, high).whole:
                break
            low = high
        else:
            return None
        while high - low > high / 100:
            middle = (low + high) / 2
            low, high = (low, middle) if self._tried(k, inst, setup, middle).whole else (middle, high)
        return high

    def _tried(self, k: int, inst: Instrument, setup: Setup, cash: Decimal) -> _Tried:
        """One setup before a desk that has seen nothing, with this cash and no position."""
        return _Tried(setup, self.desk.judged(k, inst, setup, cash, self.last[inst.id]), inst)

    def _order(self, inst: Instrument, order: Order) -> tuple[str, str, str]:
        """Price (of a market order the last), size and value, as text."""
        price = inst.price(order.price or self.last[inst.id])
        size = inst.size(order.qty)
        worth = size * inst.contract_size if inst.inverse else price * size
        return format(price, "f"), format(size, "f"), format(worth.quantize(Decimal("0.01")), "f")


def _names(inst: Instrument) -> set[str]:
    """What a coin may be called: its symbol, the venue's spelling, and a perpetual's symbol without its settlement."""
    return {inst.symbol, inst.raw, inst.symbol.split(":")[0]}


def _why(tried: _Tried) -> str:
    verdict = tried.verdict
    if isinstance(verdict, Refusal):
        small = next((g for g in verdict.gates if NO_LOT in g[2:3]), None)
        return verdict.text if small is None else f"no entry reaches a lot of {tried.inst.lot} {tried.inst.base}"
    left = len(tried.setup.entries) - len(verdict.orders)
    return f"{left} of {len(tried.setup.entries)} entries are less than a lot of {tried.inst.lot}" if left else ""


def _bound(verdict: Any) -> str:
    """The rule that gave the smallest size."""
    if isinstance(verdict, Approved):
        return verdict.bound
    return min(verdict.sizes, key=verdict.sizes.__getitem__, default="")


def _last_prices(tape: Tape) -> dict[int, int]:
    """By instrument the price of its last bar or trade, ticks. InputError `no-market-data` when there is none."""
    found: dict[int, int] = {}
    for block in tape.blocks():
        rows = block.rows
        priced = rows[(rows["kind"] == Kind.BAR) | (rows["kind"] == Kind.TRADE)]
        for inst in set(priced["inst"].tolist()):
            found[inst] = int(priced["price"][priced["inst"] == inst][-1])
    if not found:
        raise InputError("no-market-data", f"{tape.header.title} holds neither bars nor trades: there is no price")
    return found
