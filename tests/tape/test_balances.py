"""Balances on a run's tape: three rows each, and no other form is read as one."""

from __future__ import annotations

import pytest

from tickerml.ledger.project import Projector
from tickerml.tape.balances import balances_of
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError
from tickerml.tape.rows import Flag, Kind, empty


def told(*sides, ends=None):
    rows = empty(len(sides))
    rows["kind"], rows["side"], rows["qty"], rows["price"], rows["ref"] = Kind.BALANCE, sides, range(len(sides)), 2, -1
    rows["flags"] = [int(Flag.END) if side < 0 else 0 for side in sides] if ends is None else ends
    return rows


def test_three_rows_are_a_balance():
    found = balances_of(told(0, 1, -1, 0, 1, -1))
    assert (found.equity.tolist(), found.cash.tolist(), found.exposure.tolist()) == ([0, 3], [1, 4], [2, 5])
    assert (found.place.tolist(), found.decimals.tolist()) == ([2, 5], [2, 2])


@pytest.mark.parametrize("sides", [(0,), (0, 0, 0), (0, 1), (1, -1, 0)])
def test_other_rows_are_refused(sides):
    with pytest.raises(InputError) as error:
        balances_of(told(*sides))
    assert error.value.code == "balance-rows"


def test_the_ledger_refuses_them_too():
    with pytest.raises(InputError) as error:
        Projector("r", ()).take(Block(told(0, ends=[int(Flag.END)])))
    assert error.value.code == "balance-rows"
