"""What a wallet is worth and what it stands in, up to the ends of the money type: refused beyond it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from bar_path_tape import coin

from tickerml.account.contract import money_decimals, to_money
from tickerml.account.position import POSITION
from tickerml.desk.money import Wallets
from tickerml.desk.setups import OPEN, SETUP
from tickerml.engine.core import CORE, WALLETS
from tickerml.engine.marks import MARK
from tickerml.engine.worth import equity, exposure
from tickerml.sim.orders import RULES
from tickerml.tape.ladder import new_ladders
from tickerml.tape.rows import MAX_TICKS

FINE = Decimal("0.00000001")  # a tick and a lot as fine as venues have them: money of 16 decimals, at most 922 USDT
COINS = [replace(coin(n), tick=FINE, lot=FINE) for n in range(2)]
MONEY = Wallets.of(COINS, WALLETS)
PRICE = Decimal(10)


def held(*amounts, superp=()):
    """Positions worth these amounts of USDT, bought at half of the mark; `superp`: (side, stake, leverage)."""
    core, positions, rules = np.zeros(1, CORE), np.zeros(2, POSITION), np.zeros(2, RULES)
    books, marks, setups = new_ladders(2), np.zeros(2, MARK), np.zeros(2, SETUP)
    ticks = int(PRICE / FINE)
    assert ticks <= MAX_TICKS
    for n, amount in enumerate(amounts):
        rules[n]["unit_value"], rules[n]["base_wallet"] = MONEY.contracts[n]["unit_value"], -1
        positions[n]["position"] = int(Decimal(amount) / PRICE / FINE)
        positions[n]["cost"] = to_money(Decimal(amount) / 2, 16)
        marks[n]["price2"] = 2 * ticks
    for k, (side, stake, leverage) in enumerate(superp):
        setups[k]["superp"] = setups[k]["entered"] = 1
        setups[k]["state"], setups[k]["side"], setups[k]["leverage"] = OPEN, side, leverage
        setups[k]["stake"], setups[k]["entry_ticks"] = to_money(Decimal(stake), 16), ticks
    return core[0], positions, rules, books, marks, setups


def stands_in(*amounts, superp=()):
    _, *known = held(*amounts, superp=superp)
    return exposure(0, *known, len(superp))


def test_money_is_as_fine_as_this_where_ticks_and_lots_are():
    assert money_decimals(COINS) == {"USDT": 16}


@pytest.mark.parametrize(("amounts", "total"), [((500, 400), 900), ((-500, -400), -900), ((900, -900), 0), ((0, 0), 0)])
def test_exposure_is_the_signed_sum(amounts, total):
    assert stands_in(*amounts) == to_money(total, 16)


@pytest.mark.parametrize("side", [1, -1])
def test_two_positions_that_fit_one_by_one_are_refused_together(side):
    """600 USDT each, on a margin of 12 USDT each at 50x: their sum came round to the other sign."""
    with pytest.raises(OverflowError):
        stands_in(600 * side, 600 * side)


@pytest.mark.parametrize("side", [1, -1])
def test_one_position_beyond_the_money_type_is_refused(side):
    with pytest.raises(OverflowError):
        stands_in(1_000 * side)


def test_stakes_times_their_leverage_are_part_of_it():
    assert stands_in(0, 0, superp=[(1, 1, 100.0), (-1, 2, 20.0)]) == to_money(60, 16)
    with pytest.raises(OverflowError):
        stands_in(0, 0, superp=[(1, 1, 1_000.0)])
    with pytest.raises(OverflowError):
        stands_in(600, 0, superp=[(1, 1, 600.0)])


@pytest.mark.parametrize(("cash", "fits"), [(900, True), (921, False)])
def test_equity_beyond_the_money_type_is_refused(cash, fits):
    """Cash fits, and so does the profit: 10 USDT on a position that has risen."""
    core, positions, *known = held(20)
    core["cash"][0] = to_money(cash, 16)
    if fits:
        assert equity(core, 0, positions, *known, 0) == to_money(910, 16)
    else:
        with pytest.raises(OverflowError):
            equity(core, 0, positions, *known, 0)
