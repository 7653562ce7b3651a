"""What positions are worth at the mark, summed in compiled code: a balance is told at each bar of each coin."""

from __future__ import annotations

from tickerml.account.position import holding
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record, Rows


@kernel
def mark_of(b: Record, m: Record) -> int:
    """Price at which an instrument is valued, ticks: the mid of a whole book, else the last print; 0 = none."""
    if b["valid"] != 0 and b["bid_qty"] != 0 and b["ask_qty"] != 0 and b["best_bid"] < b["best_ask"]:
        return (b["best_bid"] + b["best_ask"]) // 2
    return m["price2"] // 2


@kernel
def holdings(wallet: int, positions: Rows, rules: Rows, books: Rows, marks: Rows) -> int:
    """What all positions of a wallet add to its cash in equity, money; one without a mark adds nothing."""
    total = 0
    for n in range(len(positions)):
        p = positions[n]
        held = p["position"] != 0 or p["cost"] != 0  # a long and a short leg that are equal cost something too
        if held and rules[n]["wallet"] == wallet and rules[n]["base_wallet"] < 0:
            mark = mark_of(books[n], marks[n])
            if mark != 0:
                total += holding(positions[n], rules[n], mark)
    return total


@kernel
def exposure(wallet: int, positions: Rows, rules: Rows, books: Rows, marks: Rows) -> int:
    """Sum of signed position values of a wallet, money; inverse contracts are left out."""
    total = 0
    for n in range(len(positions)):
        if positions[n]["position"] != 0 and rules[n]["wallet"] == wallet and rules[n]["inverse"] == 0:
            total += positions[n]["position"] * mark_of(books[n], marks[n]) * rules[n]["unit_value"]
    return total
