"""Builds the machine of a run from its settings: the one place where settings become states, folds and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np

from tickerml.account.brackets import TABLES
from tickerml.account.wallets import OTHER, OWN, RECEIVED
from tickerml.config import Config
from tickerml.config.sections import OLDER
from tickerml.desk.desk import Desk
from tickerml.desk.limits import Limits
from tickerml.desk.money import Wallets
from tickerml.desk.settings import portfolio_at
from tickerml.desk.setups import Setups
from tickerml.engine.asking import Woken, home_of
from tickerml.engine.books import Books
from tickerml.engine.core import WALLETS
from tickerml.engine.daily import wanted
from tickerml.engine.detectors import detector_of, short_names
from tickerml.engine.loop import Loop
from tickerml.engine.machine import Machine
from tickerml.engine.outbox import HELD, Outbox
from tickerml.engine.plan import Plan, columns_of, folds_for
from tickerml.engine.trader import Group, Trader, groups_of, wakes
from tickerml.engine.venue_setup import Terms, venue_setup
from tickerml.features.sets import members
from tickerml.run.granted import granted
from tickerml.run.models import Models, models_of
from tickerml.run.strategies import Chosen, kept_apart, ton_of
from tickerml.run.tiers import held_down, tiered
from tickerml.strategies.wake import Trade
from tickerml.tape.block import Block
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MILLISECOND, Kind
from tickerml.tape.tape import Header, Tape

_FEE_IN: Final = {"quote": OWN, "received": RECEIVED, "other": OTHER}
_JUDGED: Final = 1 << 17  # rows; a book whose snapshot comes after its first trades is within so many


@dataclass(frozen=True)
class Setting:
    """All that a run is made from, besides its rows."""

    config: Config
    cash: Decimal
    seed: int = 0
    pairs: tuple[str, ...] = ()
    bar_only: tuple[bool, ...] = ()  # by instrument id; found by `bar_only_of`
    terms: Terms = field(default_factory=Terms)
    detectors: bool = True  # off: every strategy is asked at each wake, as its detector says it need not be


def terms_of(config: Config) -> Terms:
    """The simulated venue's terms that the settings name; tiers of `auto` come with the strategies (run/tiers.py)."""
    oracle = config.latency.visibility == "oracle"
    dynamic = config.trading.slippage_model == "dynamic"
    held = config.account
    return Terms(
        maker=config.fees.maker,
        taker=config.fees.taker,
        partial=config.queue.partial_fills,
        superp=config.superp.enabled,
        superp_cost=config.superp.cost,
        slippage=config.trading.slippage_bps / 10_000,
        slippage_range=config.trading.slippage_range if dynamic else 0.0,
        margin=1 / config.trading.leverage,
        watermark=0 if oracle else round(config.latency.watermark_ms * MILLISECOND),
        tiers=TABLES if held.tiers == "binance" else {},
        isolated=held.isolated,
        hedge=held.hedge,
        liquidation_fee=held.liquidation_fee,
        spot_wallets=held.spot_wallets,
        fee_in=_FEE_IN[held.fee_in],
        fee_currency=held.fee_currency,
        fee_discount=held.fee_discount,
        balances={coin: Decimal(repr(amount)) for coin, amount in held.balances.items()},
    )


def with_least(header: Header, config: Config) -> Header:
    """The header with `account.min_notional` as the smallest order of every instrument whose source names none."""
    least = Decimal(repr(config.account.min_notional))
    if not least:
        return header
    told = (replace(i, min_notional=i.min_notional or least) for i in header.instruments)
    return replace(header, instruments=tuple(told))


def bar_only_of(tape: Tape) -> tuple[bool, ...]:
    """Which instruments have bars or trades and no order book, judged by 2^17 rows of the tape from their first on."""
    last = max((i.id for i in tape.header.instruments), default=-1)
    if tape.header.bar_only:
        return (True,) * (last + 1)  # its sources know no order books: nothing has to be read
    wanted = {i.id for i in tape.header.instruments if not i.values_only}
    books: set[int] = set()
    first: dict[int, int] = {}  # row of its first bar or trade
    at = 0
    for block in tape.blocks():
        kind, inst = block.rows["kind"], block.rows["inst"]
        books.update(np.unique(inst[kind == Kind.DEPTH]).tolist())
        for one in np.unique(inst[(kind == Kind.BAR) | (kind == Kind.TRADE)]).tolist():
            first.setdefault(one, at)
        at += len(block)
        if all(one in books or at - first.get(one, at) >= _JUDGED for one in wanted):
            break
    seen = books | set(first)
    return tuple(n in seen and n not in books for n in range(last + 1))


def build(
    chosen: Sequence[Chosen], header: Header, setting: Setting, sink: Callable[[Block], None], held: int = HELD
) -> Machine:
    """The machine of a run. `sink` takes the rows it makes, at most `held` waiting. Raises ConfigError, InputError."""
    setting = replace(setting, config=_weighed(setting))
    config, header = setting.config, with_least(header, setting.config)
    instruments = dense(header.instruments)
    mine = kept_apart(chosen, config, header.instruments, setting.pairs)
    venue = tiered(setting.terms, chosen, (one for some in mine for one in some), config)
    setting = replace(setting, terms=_kept_in_legs(chosen, instruments, venue))
    terms, models = setting.terms, models_of(config)
    wallets = Wallets.of(instruments, WALLETS, spot=terms.spot_wallets)
    if terms.spot_wallets:
        _counted_once({one.id: one for some in mine for one in some}.values())
    purse = wallets.wallet_of[mine[0][0].id if mine and mine[0] else 0]
    setup = venue_setup(
        instruments,
        wallets,
        [setting.cash if k == purse else Decimal(0) for k in range(len(wallets.currencies))],
        terms,
        names=header.names,
        bar_only=setting.bar_only or [header.bar_only] * len(instruments),
        models=models.params,
        least=models.least,
        seed=setting.seed,
    )
    groups = groups_of(_deciding(chosen), round(config.data.bar_delay_ms * MILLISECOND))
    plan = _plan(chosen, header, setting, groups, models)
    compiled = plan.compiled_owner
    loop = Loop(plan, instruments, setup, chosen[compiled].strategy if compiled >= 0 else None)
    outbox = Outbox(sink, held=held, made=loop.made)
    trader = Trader(
        loop,
        _woken(chosen, mine),
        Books(loop, Setups(), instruments, wallets, purse),
        _desk(chosen, instruments, setting, wallets),
        outbox,
        ton=next((ton_of(one, config, header.instruments) for one in chosen if one.needs_ton), -1),
        groups=groups,
    )
    loop.purse[0]["others"] = _others(wallets, mine, purse)
    if compiled >= 0:
        granted(limits_of(config), compiled, chosen[compiled].strategy, mine[compiled], loop)
    return Machine(loop, trader, outbox)


def _weighed(setting: Setting) -> Config:
    """The settings, with weights that go by the balance chosen by that of the start."""
    manager = setting.config.manager
    if manager.portfolio != "by_balance":
        return setting.config
    chosen = portfolio_at(manager.portfolio, float(setting.cash))
    return replace(setting.config, manager=replace(manager, portfolio=chosen))


def _others(wallets: Wallets, mine: Sequence[Sequence[Instrument]], purse: int) -> int:
    """Wallets beside the purse that something is traded in, 1 << wallet each: engine/purse.py follows them, too."""
    return sum(1 << wallet for wallet in {wallets.wallet_of[one.id] for some in mine for one in some} - {purse})


def _deciding(chosen: Sequence[Chosen]) -> list[Any]:
    """The strategies that answer in Python."""
    return [one.strategy for one in chosen if not one.compiled]


def _counted_once(traded: Iterable[Instrument]) -> None:
    """ConfigError `wallets` where coins that are held for a trade would be another pair's money, too."""
    spot = [one for one in traded if ":" not in one.symbol]
    money = {one.settle for one in spot}
    means = "its balance would be counted, and spent, twice: nothing was run"
    for one in spot:
        other = next((two for two in spot if two.base == one.base and two.settle != one.settle), None)
        if one.base in money or other is not None:
            rival = other or next(two for two in spot if two.settle == one.base)
            text = f"{one.base} would be what {one.symbol} holds and part of {rival.symbol}, too (account.spot_wallets)"
            raise ConfigError("wallets", text, means=means, try_=f"leave one of the two out: -p {one.symbol}")


def _woken(chosen: Sequence[Chosen], mine: Sequence[tuple[Instrument, ...]]) -> list[Woken]:
    """Those of them, with what each trades."""
    asked = ((k, one) for k, one in enumerate(chosen) if not one.compiled)
    return [Woken(k, one.name, one.strategy, mine[k], home_of(one.strategy)) for k, one in asked]


def _kept_in_legs(chosen: Sequence[Chosen], instruments: Sequence[Instrument], terms: Terms) -> Terms:
    """The terms, with derivatives in legs where a desk trades them: its orders may name their leverage."""
    if terms.hedge and any(one.compiled for one in chosen):
        raise ConfigError("hedge-mode", "quotes name no leg", means="a compiled strategy trades in one-way mode only")
    return replace(terms, legs=bool(_deciding(chosen)) and any(":" in one.symbol for one in instruments))


def _plan(chosen: Sequence[Chosen], header: Header, setting: Setting, groups: Sequence[Group], models: Models) -> Plan:
    """What the loop of a run is made of, and what it has no use for."""
    config, terms, decide = setting.config, setting.terms, _deciding(chosen)
    compiled = next((k for k, one in enumerate(chosen) if one.compiled), -1)
    recorded = members([*config.manager.features, *(wanted(config.manager) if decide else ())])
    folds = folds_for([*(name for one in decide for name in short_names(one.sees).values()), *recorded])
    timers = [[g.owner for g in groups if k in g.strategies] for k in range(len(decide))]
    found = [detector_of(one, k, timers[k], columns_of(folds)) for k, one in enumerate(decide) if setting.detectors]
    detectors = tuple(one for one in found if one is not None)
    looking = {one.strategy for one in detectors}
    return Plan(
        folds,
        models.queue,
        models.latency,
        models.fees,
        chosen[compiled].compiled if compiled >= 0 else "",
        compiled,
        triggers=bool(decide),
        taking=bool(decide),
        bars=any(setting.bar_only) or (header.bar_only and not setting.bar_only),
        values="funding" in header.names,
        balance=terms.check_balance,
        margin=terms.margined,
        wallets=terms.spot_wallets,
        marks=bool(decide) or models.latency.endswith(".feed"),
        watch=bool(decide),
        large_trades=any(isinstance(w, Trade) for one in decide for w in wakes(one)),
        detectors=detectors,
        alone={group.owner: looking.issuperset(group.strategies) for group in groups},
    )


def _desk(chosen: Sequence[Chosen], instruments: Sequence[Instrument], setting: Setting, wallets: Wallets) -> Desk:
    config = setting.config
    return Desk(
        held_down(limits_of(config), setting.terms, config),
        instruments,
        [one.name for one in chosen if not one.compiled],
        superp=config.superp.enabled,
        manager=config.manager,
        regime=config.regime,
        wallets=len(wallets.currencies),
        bar_only=setting.bar_only,
    )


def limits_of(config: Config) -> Limits:
    """The desk's limits from the settings; an older name counts where it was changed."""
    older = {name: getattr(getattr(config, section), key) for name, (section, key) in OLDER.items()}
    usual = Config()
    changed = {k: v for k, v in older.items() if v != getattr(getattr(usual, OLDER[k][0]), OLDER[k][1])}
    return replace(config.limits, **changed)


def dense(instruments: Sequence[Instrument]) -> tuple[Instrument, ...]:
    """Instruments such that ids are indexes: ids that a selection left out are filled with placeholders."""
    known = {i.id: i for i in instruments}
    last = max(known, default=-1)
    some = next(iter(known.values()), None)
    return tuple(known.get(n) or replace(some, id=n, values_only=True) for n in range(last + 1)) if some else ()
