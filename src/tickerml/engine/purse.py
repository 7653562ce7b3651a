"""The run's purse, kept each minute by compiled code: the BALANCE rows, the ladder of losses, the market's regime.

Where one of them keeps entries off, a compiled strategy has no quotes: what the gates are to setups. Other wallets that
are traded go through the ladder each minute, too: what is lost in one must not wait for the next setup on it.
Python is called when one of them has changed something, and for what is decided once a day.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.losses import entries_off, on_equity
from tickerml.desk.regime import PANIC, on_price
from tickerml.engine.core import REVOKED, WALLETS, make_balance
from tickerml.engine.worth import equity, exposure, known, mark_of
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.rows import Record, Rows

KEEPER: Final = 1000  # owner of the timer that keeps the purse, each minute in which there is news

PURSE: Final = np.dtype(
    [
        ("wallet", "i8"),
        ("inst", "i8"),  # an instrument that settles in its currency: BALANCE rows name it
        ("decimals", "i8"),
        ("staked", "i8"),  # 1: there may be SuperP positions
        ("reference", "i8"),  # instrument that the regime is read off; -1 = none
        ("due", "i8"),  # time from which Python has something to decide at a minute whatever happened, ns
        ("kept", "i8"),  # the minute's time that was kept last, ns
        ("equity", "i8"),  # at that time, money
        ("losses", "i8"),  # what it has changed: bits of desk/losses.py
        ("regime", "i8"),  # what `on_price` of desk/regime.py has changed
        ("told", "i8"),  # 1 once there was a BALANCE row
        ("began", "i8"),  # equity at the first one, money
        ("peak", "i8"),  # highest equity at a BALANCE row, money
        ("settled", "i8"),  # trades that have ended
        ("won", "i8"),
        ("worst", "f8"),  # deepest fall from the peak, share
        ("others", "i8"),  # other wallets that are traded: 1 << wallet each
        ("others_equity", "i8", (WALLETS,)),  # of those, at the time that was kept last, money
        ("others_losses", "i8", (WALLETS,)),  # what it has changed: bits of desk/losses.py
    ]
)


@fold
def balance(
    c: Record, a: Record, positions: Rows, rules: Rows, books: Rows, marks: Rows, setups: Rows, made: Rows
) -> None:
    """Make the BALANCE rows of purse `a` (PURSE), and follow the peak of its equity."""
    total = equity(c, a["wallet"], positions, rules, books, marks, setups, a["staked"])
    a["equity"] = total
    if a["told"] == 0:
        a["told"], a["began"] = 1, total
    a["peak"] = max(a["peak"], total)
    if a["peak"] > 0:
        a["worst"] = max(a["worst"], 1 - total / a["peak"])
    held = exposure(a["wallet"], positions, rules, books, marks, setups, a["staked"])
    make_balance(c, made, a["inst"], a["decimals"], total, c["cash"][a["wallet"]], held)


@fold
def keep(
    c: Record,
    a: Record,
    funds: Rows,
    latch: Record,
    steps: Record,
    regime: Record,
    thresholds: Record,
    positions: Rows,
    rules: Rows,
    books: Rows,
    marks: Rows,
    setups: Rows,
    made: Rows,
    envelopes: Rows,
) -> bool:
    """Keep the purse at the present minute. True when Python must act on what that has changed.

    `funds` (FUND): of each wallet.
    """
    fund = funds[a["wallet"]]
    a["kept"] = c["now"]
    balance(c, a, positions, rules, books, marks, setups, made)
    a["losses"] = 0
    whole = known(a["wallet"], positions, rules, books, marks)
    if whole:
        a["losses"] = on_equity(fund, latch, steps, c["now"], float(a["equity"]))
    a["regime"] = 0
    if a["reference"] >= 0:
        price = float(mark_of(books[a["reference"]], marks[a["reference"]]))
        a["regime"] = on_price(regime, thresholds, c["now"], price)
    off = not whole or entries_off(fund, latch, c["now"]) or (a["reference"] >= 0 and regime["breaker"] == PANIC)
    changed = a["losses"] != 0 or a["regime"] != 0
    if a["others"] != 0:
        others_off, others_changed = _others(c, a, funds, latch, steps, positions, rules, books, marks, setups)
        off, changed = off or others_off, changed or others_changed
    c["off"] = 1 if off else 0
    changed = changed or (c["granted"] != 0 and (c["granted"] == REVOKED) != off)
    _shares(a, rules, envelopes)
    return changed


@kernel
def keep_now(
    core: Rows,
    purses: Rows,
    funds: Rows,
    latches: Rows,
    steps: Rows,
    regimes: Rows,
    thresholds: Rows,
    positions: Rows,
    rules: Rows,
    books: Rows,
    marks: Rows,
    setups: Rows,
    made: Rows,
    envelopes: Rows,
) -> bool:
    """`keep` for Python, which hands over arrays five times as fast as records."""
    return keep(
        core[0], purses[0], funds, latches[0], steps[0], regimes[0], thresholds[0], positions, rules, books, marks,
        setups, made, envelopes,
    )  # fmt: skip


@kernel
def _shares(a: Record, rules: Rows, envelopes: Rows) -> None:
    """What an envelope allows is a share of the equity of its wallet, as it was kept now."""
    for n in range(len(envelopes)):
        wallet = rules[n]["wallet"]
        if wallet == a["wallet"]:
            envelopes[n]["equity"] = a["equity"]
        elif (a["others"] >> wallet) & 1 != 0:
            envelopes[n]["equity"] = a["others_equity"][wallet]


@kernel
def _others(
    c: Record,
    a: Record,
    funds: Rows,
    latch: Record,
    steps: Record,
    positions: Rows,
    rules: Rows,
    books: Rows,
    marks: Rows,
    setups: Rows,
) -> tuple[bool, bool]:
    """Fold the equity of the other wallets that are traded: whether one keeps entries off, whether one has changed."""
    off, changed = False, False
    for wallet in range(len(funds)):
        a["others_losses"][wallet] = 0
        if (a["others"] >> wallet) & 1 == 0:
            continue
        whole = known(wallet, positions, rules, books, marks)
        if whole:
            total = equity(c, wallet, positions, rules, books, marks, setups, a["staked"])
            a["others_equity"][wallet] = total
            a["others_losses"][wallet] = on_equity(funds[wallet], latch, steps, c["now"], float(total))
        off = off or not whole or entries_off(funds[wallet], latch, c["now"])
        changed = changed or a["others_losses"][wallet] != 0
    return off, changed
