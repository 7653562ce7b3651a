"""The account once more, in plain Python: what each answer of the venue does to wallets and positions.

From the rules (docs, venues' pages), not from the kernels: exact integers and Fractions, one object a leg.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from tickerml.tape.orders import AnswerKind as A


def half_up(x):
    return floor(Fraction(x) + Fraction(1, 2))


def toward_zero(x):
    return int(Fraction(x))


@dataclass
class Leg:
    lots: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    funding: int = 0
    margin: int = 0
    tied: int = 0
    insured: int = 0


@dataclass
class Instrument:
    unit: int
    wallet: int
    spot: bool = False
    margined: bool = False
    isolated: bool = False
    margin_rate: int = 10_000_000
    base_wallet: int = -1
    lot_units: int = 0
    legs: list[Leg] = field(default_factory=lambda: [Leg(), Leg()])

    def worth(self, price, lots):
        return price * lots * self.unit


class Account:
    def __init__(self, cash, instruments):
        self.cash, self.instruments = list(cash), instruments
        self.start = list(cash)
        self.flows = [0] * len(cash)  # what the answers alone say must have come or gone

    def take(self, a):
        kind, inst = A(int(a["kind"])), self.instruments[int(a["inst"])]
        if kind == A.FILL:
            self.fill(inst, a)
        elif kind == A.FUNDING:
            self.funding(inst, int(a["leg"]), int(a["amount"]))
        elif kind == A.SETTLED:
            self.cash[inst.wallet] += int(a["amount"])
            self.flows[inst.wallet] += int(a["amount"])

    def fill(self, inst, a):
        side, price, lots, fee = (int(a[name]) for name in ("side", "price", "qty", "fee"))
        worth = inst.worth(price, lots)
        leg = inst.legs[1 if int(a["leg"]) == 2 else 0]
        own_fee = int(a["wallet"]) == inst.wallet
        self.flows[inst.wallet] += -side * worth - (fee if own_fee else 0)
        if not own_fee:
            self.flows[int(a["wallet"])] -= int(a["paid"])
            self.cash[int(a["wallet"])] -= int(a["paid"])
        profit, released, closing = self.trade(leg, side, inst.worth, price, lots, fee)
        if inst.base_wallet >= 0:
            self.cash[inst.base_wallet] += side * lots * inst.lot_units
            self.flows[inst.base_wallet] += side * lots * inst.lot_units
        paid_here = fee if own_fee else 0
        if inst.spot:
            self.cash[inst.wallet] += -side * worth - paid_here
            return
        leverage = float(a["leverage"])
        rate = ceil(Fraction(10**8) / Fraction(leverage)) if leverage else inst.margin_rate
        initial = half_up(Fraction(inst.worth(price, lots - closing) * rate, 10**8)) if lots > closing else 0
        if not inst.margined:
            self.cash[inst.wallet] += profit - paid_here
        elif inst.isolated:
            self.isolated(inst, leg, profit, released, initial, leg_closed=closing and leg.lots * -side <= 0)
            self.cash[inst.wallet] -= paid_here
        else:
            leg.tied += initial - toward_zero(leg.tied * released)
            self.cash[inst.wallet] += profit - paid_here
            leg.insured += int(a["amount"])
            self.cash[inst.wallet] += int(a["amount"])
            self.flows[inst.wallet] += int(a["amount"])

    def trade(self, leg, side, worth, price, lots, fee):
        """Average cost: profit, the share of the position that was closed, lots closed."""
        held, closing = abs(leg.lots), 0
        profit, share = 0, Fraction(0)
        if leg.lots * side < 0:
            closing = min(lots, held)
            share = Fraction(closing, held)
            basis = toward_zero(leg.cost * share)
            profit = -side * worth(price, closing) - basis
            leg.cost -= basis
        leg.cost += side * worth(price, lots - closing)
        leg.lots += side * lots
        leg.realised += profit
        leg.fees += fee
        return profit, share, closing

    def isolated(self, inst, leg, profit, share, initial, leg_closed):
        released = leg.margin if leg_closed else toward_zero(max(0, leg.margin) * share)
        leg.margin -= released
        out = released + profit
        if out < 0:
            leg.margin, out = leg.margin + out, 0
        if leg_closed and leg.margin < 0:
            leg.insured -= leg.margin
            self.flows[inst.wallet] -= leg.margin
            leg.margin = 0
        leg.margin += initial
        self.cash[inst.wallet] += out - initial

    def funding(self, inst, leg, amount):
        one = inst.legs[1 if leg == 2 else 0]
        one.funding += amount
        self.flows[inst.wallet] += amount
        if inst.margined and inst.isolated:
            one.margin += amount
        else:
            self.cash[inst.wallet] += amount

    def check(self):
        """Money is conserved: what is in wallets, margins and positions at cost is what the answers brought."""
        for w, cash in enumerate(self.cash):
            mine = [i for i in self.instruments if i.wallet == w]
            held = sum(leg.margin for i in mine for leg in i.legs)
            cost = sum(leg.cost for i in mine for leg in i.legs if not i.spot)
            assert cash + held - cost == self.start[w] + self.flows[w], f"wallet {w}"
        for i in self.instruments:
            for leg in i.legs:
                assert not (i.isolated and leg.lots == 0 and leg.margin != 0), "margin of nothing"
                assert leg.lots != 0 or leg.cost == 0
