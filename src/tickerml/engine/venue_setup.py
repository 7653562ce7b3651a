"""The simulated venue of a run: its rules by instrument, its models with their parameters, its watermark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from tickerml.account.brackets import Tier, put_tiers
from tickerml.account.contract import MOST, RATE, held_money
from tickerml.account.wallets import OTHER, OWN
from tickerml.desk.money import Wallets
from tickerml.sim.draws import seed_words
from tickerml.sim.orders import RULES, SelfTrade, TriggerBy
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.params import params_dtype, params_record
from tickerml.tape.rows import MILLISECOND, SECOND, Rows

ORACLE_BOUND = 2 * SECOND  # how late a row may be where answers are not held back by the watermark


@dataclass(frozen=True)
class Terms:
    """What the venue asks of us and how honest it is. Shares are fractions; the defaults are a common perp's."""

    maker: float = 0.0002  # until the tape tells of other fees; a run that charges none stays without
    taker: float = 0.0005
    partial: bool = True
    remember_taken: bool = True
    self_trade: SelfTrade = SelfTrade.CANCEL_NEWEST
    trigger_by: TriggerBy = TriggerBy.BOTH
    superp: bool = True
    superp_cost: float = 0.001
    slippage: float = 0.0002
    slippage_range: float = 0.0
    check_balance: bool = True
    margin: float = 0.1  # initial margin of derivatives, share of the notional
    at_mid: bool = False  # executions meet the mid (sim/mid.py): the first layer of the waterfall
    watermark: int = 50 * MILLISECOND  # ns; 0 = oracle: answers do not wait for late rows
    tiers: Mapping[str, Sequence[Tier]] = field(default_factory=dict)  # margin tiers by symbol, "" = of all others
    isolated: bool = False  # margin is set apart for each position
    hedge: bool = False  # long and short positions at once
    legs: bool = False  # derivatives are kept in legs in any case: orders may name their leverage
    liquidation_fee: float = 0.0125  # of the value of what is liquidated
    spot_wallets: bool = False  # what spot trades buy is a balance, not a position
    fee_in: int = OWN  # account/wallets.py: in quote, in what was received, or in `fee_currency`
    fee_currency: str = "BNB"
    fee_discount: float = 0.75  # share of the fee that is charged in `fee_currency`
    balances: Mapping[str, Decimal] = field(default_factory=dict)  # what other wallets start with, by currency

    @property
    def margined(self) -> bool:
        """Whether derivatives are kept in legs, with what account/margin.py does to them."""
        return bool(self.tiers) or self.isolated or self.hedge or self.legs

    def tiers_of(self, inst: Instrument) -> Sequence[Tier]:
        """The margin tiers of an instrument; none for spot."""
        return () if ":" not in inst.symbol else self.tiers.get(inst.symbol, self.tiers.get("", ()))


@dataclass(frozen=True)
class VenueSetup:
    """Records and parameters as the compiled venue takes them."""

    rules: Rows
    queue: Rows
    latency: Rows
    fees: Rows
    cash: tuple[int, ...]  # money by wallet at the start
    seed_words: tuple[int, ...]
    least_entry: int  # ns; no request arrives sooner
    least_answer: int  # ns; no answer is shown sooner
    watermark: int
    feed_bound: int
    names: tuple[str, ...]  # of the tape's values, by index


def venue_setup(
    instruments: Sequence[Instrument],
    wallets: Wallets,
    cash: Sequence[Decimal],
    terms: Terms,
    *,
    names: Sequence[str],
    bar_only: Sequence[bool],
    models: tuple[Any, Any, Any],
    least: tuple[int, int],
    seed: int,
) -> VenueSetup:
    """`models`: parameters of the queue, latency and fee modules; `least`: least entry and response latency, ns.

    Raises ConfigError `money-unit` when the cash of a wallet does not fit.
    """
    rules = np.zeros(len(instruments), RULES)
    for n, inst in enumerate(instruments):
        _fill(rules[n], inst, wallets, terms, bar_only=bar_only[n])
        rules[n]["funding_name"] = names.index("funding") if "funding" in names else -1
        rules[n]["mark_name"] = names.index("mark") if "mark" in names else -1
        _fill_margin(rules[n], inst, wallets, terms)
        _fill_wallets(rules[n], inst, instruments, wallets, terms)
    queue, latency, fees = (_one(m) for m in models)
    entry, response = least
    return VenueSetup(
        rules,
        queue,
        latency,
        fees,
        tuple(
            held_money(amount or terms.balances.get(currency, amount), decimals, currency)
            for amount, decimals, currency in zip(cash, wallets.decimals, wallets.currencies, strict=False)
        ),
        seed_words(seed, 1),
        max(1, entry),
        max(1, response, terms.watermark),
        terms.watermark,
        terms.watermark or ORACLE_BOUND,
        tuple(names),
    )


def _fill(rule: Any, inst: Instrument, wallets: Wallets, terms: Terms, *, bar_only: bool) -> None:
    contract = wallets.contracts[inst.id]
    wallet = wallets.wallet_of[inst.id]
    for name in ("unit_value", "inverse", "spot"):
        rule[name] = contract[name]
    rule["wallet"] = wallet
    rule["tick"], rule["lot"] = float(inst.tick), float(inst.lot)
    rule["bar_only"] = bar_only
    rule["tick_step"] = rule["lot_step"] = rule["min_lots"] = 1
    rule["min_notional"] = 0 if inst.inverse else min(MOST, wallets.money(wallet, inst.min_notional))
    rule["maker_rate"], rule["taker_rate"] = round(terms.maker * RATE), round(terms.taker * RATE)
    rule["margin_rate"] = RATE if contract["spot"] else round(terms.margin * RATE)
    rule["check_balance"], rule["partial"] = terms.check_balance, terms.partial
    rule["remember_taken"] = terms.remember_taken
    rule["self_trade"], rule["trigger_by"] = int(terms.self_trade), int(terms.trigger_by)
    rule["at_mid"] = terms.at_mid
    rule["superp"], rule["superp_cost"] = terms.superp, round(terms.superp_cost * RATE)
    rule["slippage_rate"], rule["slippage_range"] = round(terms.slippage * RATE), round(terms.slippage_range * RATE)


def _fill_margin(rule: Any, inst: Instrument, wallets: Wallets, terms: Terms) -> None:
    if rule["spot"] or not terms.margined:
        return
    if terms.hedge and inst.inverse:
        raise ConfigError("hedge-mode", f"{inst.symbol} settles in its base: it has no hedge mode here")
    rule["margined"], rule["isolated"], rule["hedge"] = 1, terms.isolated, terms.hedge
    rule["liquidation_rate"] = round(terms.liquidation_fee * RATE)
    put_tiers(rule, terms.tiers_of(inst), wallets.decimals[int(rule["wallet"])])


def _fill_wallets(
    rule: Any, inst: Instrument, instruments: Sequence[Instrument], wallets: Wallets, terms: Terms
) -> None:
    """Base wallets, and who prices the currency that fees are paid in."""
    rule["base_wallet"] = wallets.base_of[inst.id] if wallets.base_of else -1
    rule["fee_inst"] = -1
    rule["one"] = 10 ** wallets.decimals[int(rule["wallet"])]
    if rule["base_wallet"] >= 0:
        rule["lot_units"] = int(inst.lot * 10 ** wallets.decimals[int(rule["base_wallet"])])
        rule["check_coins"], rule["check_balance"] = terms.check_balance, False
    rule["fee_in"], rule["fee_discount"] = terms.fee_in, round(terms.fee_discount * RATE)
    for other in instruments:
        priced = other.base == terms.fee_currency and other.settle == inst.settle
        if terms.fee_in == OTHER and priced and wallets.base_of and wallets.base_of[other.id] >= 0:
            rule["fee_inst"] = other.id


def _one(params: Any) -> Rows:
    record = np.zeros(1, params_dtype(type(params)))
    record[0] = params_record(params)
    return record
