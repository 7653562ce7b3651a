"""What the desk's tests share: one linear coin at 100.00 with a tick of 0.01, an account of 10,000, a calm market."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from tickerml.account.contract import contract_record
from tickerml.desk.desk import Desk
from tickerml.desk.exposure import Exposure
from tickerml.desk.facts import Account, Facts, Market, Tier
from tickerml.desk.gates import ABSENT
from tickerml.desk.limits import Limits
from tickerml.desk.proposal import Proposal
from tickerml.desk.requests import count
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Entry, Setup
from tickerml.tape.rows import DAY, HOUR, SECOND

UNIT = 100_000_000  # money of one USDT
NOW = 20_000 * DAY + 6 * HOUR
CASH = 10_000 * UNIT
BASES = ("BTC", "XYZ", "ETH", "SOL", "DOGE", "ADA", "LTC", "DOT")


def instrument(k=0, *, spot=False, base=None, min_notional="5", lot="0.001", inverse=False):
    base = base or BASES[k]
    settle = base if inverse else "USDT"
    return Instrument(
        id=k,
        venue="test",
        symbol=f"{base}/USDT" if spot else f"{base}/USDT:{settle}",
        raw=f"{base}USDT",
        tick=Decimal("0.01"),
        lot=Decimal("1") if inverse else Decimal(lot),
        base=base,
        quote="USDT",
        settle=settle,
        min_notional=Decimal(min_notional),
        inverse=inverse,
        contract_size=Decimal(10) if inverse else Decimal(1),
    )


COINS = tuple(instrument(k) for k in range(len(BASES)))
SPOT = tuple(instrument(k, spot=True) for k in range(len(BASES)))


def market(**more):
    """A calm market at 10 times; `maintenance` is that of its one margin tier, which allows 125 times."""
    tiers = (Tier(float("inf"), more.pop("maintenance", 0.005), 125),)
    calm = Market(bid=9_999, ask=10_001, margin=0.1, tiers=tiers, cost=0.0012, taker=0.0005)
    return structs.replace(calm, **more)


def setup(side=1, **more):
    wished = {"horizon_ns": HOUR, "target": 0.02, "stop": 0.01}
    return Setup(side, **{**wished, **more})


def proposal(k=0, *, seq=None, strategy=0, name="dca", inst=None, group=0, **more):
    inst = inst or COINS[k]
    wished = more.pop("setup", None) or setup(**more)
    return Proposal(100 + k if seq is None else seq, strategy, name, inst, contract_record(inst, 8), wished, group)


def facts(*, now=NOW, equity=CASH, cash=None, second=None, markets=None, exposure=None, n=8, **more):
    account = Account(equity, CASH if cash is None else cash, UNIT, second)
    at = market(**more.pop("at", {}))
    return Facts(
        now=now,
        accounts={0: account},
        wallet_of=(0,) * n,
        markets=markets or dict.fromkeys(range(n), at),
        exposure=exposure or Exposure(),
        **more,
    )


def desk(limits=None, *, names=("dca", "swing", "channel"), instruments=COINS, **more):
    given = {key: more.pop(key) for key in list(more) if key in Limits.__dataclass_fields__}
    return Desk(replace(limits or Limits(), **given), instruments, names, **more)


def judge(one, at=None, of=None):
    """The verdict on one proposal."""
    (verdict,) = (of or desk()).round([one], at or facts())
    return verdict


def judge_hedged(one, at=None, of=None):
    """The verdict on one leg where other legs hold as much of its coin against it."""
    of = of or desk()
    known = structs.replace(of._desktop(at or facts()), hedged=frozenset({one.inst.id}))
    return of._judge(known, one, 0.0)


class Told(NamedTuple):
    """A gate, read by name."""

    name: str
    state: str
    value: float | str | None = None
    limit: float | str | None = None
    why: str = ""


def told(gate):
    name, state, *rest = gate
    return Told(name, state, why=rest[0]) if state == ABSENT else Told(name, state, *rest)


def figures_of(name, gates):
    """The one gate of this name."""
    return next(told(g) for g in gates if g[0] == name)


def gate(verdict, name):
    return figures_of(name, verdict.gates)


def grid(*shares, prices=None):
    prices = prices or [None] * len(shares)
    return tuple(Entry(p, s) for p, s in zip(prices, shares, strict=True))


def later(seconds):
    return NOW + round(seconds * SECOND)


def message(memory, now, k):
    """A message about instrument `k` leaves."""
    count(memory.latch[0], memory.coins[k], now)
