"""What is open when a tape ends is settled at the touch that closing could have got, in our books only."""

from __future__ import annotations

from tickerml.account.contract import value
from tickerml.desk.setups import AT_END, held
from tickerml.engine.books import Books
from tickerml.tape.rows import Record


def close_at_touch(books: Books, s: Record) -> int:
    """Close what setup `s` holds; no order of it can fill any more. Returns the lots, of a SuperP position 0.

    No close was sent, so no fee is told; a SuperP position is worth what closing it would pay, after its cost.
    """
    inst, lots = int(s["inst"]), held(s)
    bid, ask = books.prices.touch(inst)
    price = (bid if s["side"] > 0 else ask) or books.prices.mark(inst)
    if lots and s["superp"]:
        s["exit_ticks"], s["exited"] = price, 1
        s["amount"] = books.superp_worth(s, price)
        books.add_cash(inst, int(s["amount"]))
    elif lots:
        s["exited"] += lots
        s["exit_ticks"] += price * lots
        s["received"] += int(value(books.wallets.contracts[inst], price, lots))
        position = books.loop.positions[inst]
        borne = int(position["insured"])
        books.close(inst, -int(s["side"]), price, lots)
        s["amount"] += int(position["insured"]) - borne
    s["closed"], s["reason"], s["working"] = books.now, AT_END, 0
    return 0 if s["superp"] else lots
