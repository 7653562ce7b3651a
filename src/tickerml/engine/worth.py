"""What a wallet is worth at the mark, in compiled code: a balance is told at each bar of each coin."""

from __future__ import annotations

from typing import Final

from tickerml.account.contract import value
from tickerml.account.position import holding, unrealised
from tickerml.account.wallets import worth_of_units
from tickerml.sim.superp import payoff
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.rows import Record, Rows

_LIMIT: Final = 9.2e18  # of int64


@kernel
def plus(total: int, more: int) -> int:
    """The sum of two amounts of money. OverflowError beyond int64, where it would come round to the other sign."""
    if abs(float(total) + float(more)) > _LIMIT:
        raise OverflowError("what a wallet is worth does not fit the money type")
    return total + more


@fold
def mark_of(b: Record, m: Record) -> int:
    """Price at which an instrument is valued, ticks: the mid of a whole book, else the last print; 0 = none."""
    if b["valid"] != 0 and b["bid_qty"] != 0 and b["ask_qty"] != 0 and b["best_bid"] < b["best_ask"]:
        return (b["best_bid"] + b["best_ask"]) // 2
    return m["price2"] // 2


@fold
def equity(
    c: Record, wallet: int, positions: Rows, rules: Rows, books: Rows, marks: Rows, setups: Rows, staked: int
) -> int:
    """Cash, positions, coins kept and SuperP positions (`staked`: there may be some), money of a wallet.

    What has no mark adds nothing. OverflowError beyond int64.
    """
    total = c["cash"][wallet]
    for n in range(len(positions)):
        p = positions[n]
        if rules[n]["wallet"] != wallet:
            continue
        if rules[n]["base_wallet"] >= 0:
            total = plus(total, _coins(c, n, wallet, rules, books, marks))
        elif p["position"] != 0 or p["cost"] != 0:  # a long and a short leg that are equal cost something too
            mark = mark_of(books[n], marks[n])
            if mark != 0:
                total = plus(total, holding(positions[n], rules[n], mark))
    if staked != 0:
        for k in range(len(setups)):
            s = setups[k]
            if _is_staked(s) and rules[s["inst"]]["wallet"] == wallet:
                price = mark_of(books[s["inst"]], marks[s["inst"]])
                total = plus(total, staked_worth(s, rules[s["inst"]], price))
    return total


@kernel
def _coins(c: Record, n: int, wallet: int, rules: Rows, books: Rows, marks: Rows) -> int:
    """What the balance of instrument `n`'s base is worth, where no instrument before it prices the same."""
    base, mark = rules[n]["base_wallet"], mark_of(books[n], marks[n])
    if mark == 0:
        return 0
    for k in range(n):
        if rules[k]["base_wallet"] == base and rules[k]["wallet"] == wallet and mark_of(books[k], marks[k]) != 0:
            return 0
    return worth_of_units(c["cash"][base], mark, rules[n]["unit_value"], rules[n]["lot_units"])


@kernel
def _is_staked(s: Record) -> bool:
    return s["superp"] != 0 and s["state"] != 0 and s["entered"] != 0


@kernel
def staked_worth(s: Record, rule: Record, price: int) -> int:
    """What closing an open SuperP position at `price` ticks would pay, money."""
    return payoff(s["stake"], s["leverage"], s["side"], s["entry_ticks"], price, rule["superp_cost"])


@kernel
def profit(positions: Rows, rules: Rows, inst: int, price: int) -> int:
    """What closing a position at `price` ticks would realise, money; for Python, which hands over arrays sooner."""
    return unrealised(positions[inst], rules[inst], price)


@fold
def known(wallet: int, positions: Rows, rules: Rows, books: Rows, marks: Rows) -> bool:
    """Whether everything that a wallet holds has a mark."""
    for n in range(len(positions)):
        if positions[n]["position"] != 0 and rules[n]["wallet"] == wallet and mark_of(books[n], marks[n]) == 0:
            return False
    return True


@kernel
def known_equity(
    c: Record, wallet: int, positions: Rows, rules: Rows, books: Rows, marks: Rows, setups: Rows, staked: int
) -> tuple[bool, int]:
    """Whether all that a wallet holds has a mark, and its equity."""
    return (
        known(wallet, positions, rules, books, marks),
        equity(c, wallet, positions, rules, books, marks, setups, staked),
    )


@fold
def exposure(wallet: int, positions: Rows, rules: Rows, books: Rows, marks: Rows, setups: Rows, staked: int) -> int:
    """Sum of signed position values of a wallet, money; inverse contracts are left out. OverflowError beyond int64.

    Equity does not bound it: two positions that are worth more than int64 together may cost a margin that fits.
    """
    total = 0
    for n in range(len(positions)):
        lots = positions[n]["position"]
        if lots != 0 and rules[n]["wallet"] == wallet and rules[n]["inverse"] == 0:
            mark = mark_of(books[n], marks[n])
            if mark != 0:
                worth = value(rules[n], mark, abs(lots))
                total = plus(total, worth if lots > 0 else -worth)
    if staked != 0:
        for k in range(len(setups)):
            s = setups[k]
            if _is_staked(s) and rules[s["inst"]]["wallet"] == wallet:
                if s["leverage"] * s["stake"] > _LIMIT:
                    raise OverflowError("the value of a SuperP position does not fit the money type")
                total = plus(total, s["side"] * int(s["leverage"] * s["stake"]))
    return total
