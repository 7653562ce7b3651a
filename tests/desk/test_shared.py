"""What quotes and the desk's trades share of the account, each edge at its last unit."""

from __future__ import annotations

import numpy as np
import pytest

from tickerml.config import from_mapping
from tickerml.desk.envelope import ENVELOPE, grant
from tickerml.desk.shared import FITS, IN_USE, ORDERS, POSITIONS, SHARED, SILENCES, UNANSWERED, fits, shared
from tickerml.desk.working import RESTING, WORKING, add
from tickerml.tape.errors import ConfigError
from tickerml.tape.ladder import NO_ASK, NO_BID, new_ladders
from tickerml.tape.rows import FOREVER

BID, ASK, NOW = 100, 103, 1_000
COINS = 4


class Account:
    """Four coins, each lot worth 2 a tick and a tenth of it in margin; the last is another wallet's."""

    def __init__(self, equity: float = 1_000.0, **limits: float) -> None:
        self.shared, self.books = shared(**limits), new_ladders(COINS)
        self.envelopes, self.working = np.zeros(COINS, ENVELOPE), np.zeros(COINS, WORKING)
        self.books["best_bid"], self.books["best_ask"] = BID, ASK
        for n in range(COINS):
            self.envelopes[n] = grant(1_000, 1_000, equity=equity, unit=2.0, margin=0.1, wallet=int(n == 3))

    def hold(self, n: int, position: int = 0, *orders: tuple[int, int], at: int = NOW, known: bool = True) -> Account:
        """A position and own orders (side, lots) on coin `n`, sent `at`; `known`: the venue has answered."""
        w = self.working[n]
        w["position"] = position
        for side, lots in orders:
            add(w, int(w["sent"]) + 1, side, BID, lots, at)
            if known:
                w["state"][w["n"] - 1] = RESTING
        return self

    def __call__(self, n: int = 0, side: int = 1, price: int = BID, qty: int = 1, now: int = NOW) -> int:
        return fits(self.shared, self.envelopes, self.working, self.books, n, side, price, qty, now)


def test_the_answers_are_told_apart_and_have_their_places():
    assert sorted([FITS, POSITIONS, ORDERS, IN_USE, UNANSWERED]) == list(range(WORKING["passed_over"].shape[0]))


def test_limits_that_were_not_named_bound_nothing():
    named = shared(max_in_use=0.5, max_positions=2, max_orders=3, silent_ns=4, unknown_symbol=5, unknown_venue=6)
    assert named.item()[:9] == (0.5, 2, 3, 4, 5, 6, 0, 0, 0)
    assert shared().item()[:9] == (np.inf, FOREVER, FOREVER, FOREVER, FOREVER, FOREVER, 0, 0, 0)
    assert not named["silent_from"].any()
    assert shared().dtype == SHARED
    assert Account().hold(0, 5, (1, 9)).hold(1, -900)() == FITS


@pytest.mark.parametrize(("others", "limit", "good"), [(0, 1, True), (1, 1, False), (1, 2, True), (2, 2, False)])
@pytest.mark.parametrize("by", ["desk", "position", "short", "order"])
def test_a_coin_without_anything_begins_only_where_one_more_position_may_be(others, limit, good, by):
    account = Account(max_positions=limit)
    for n in range(1, others + 1):
        if by == "desk":
            account.shared["positions"] += 1
        else:
            account.hold(n, *{"position": (1,), "short": (-1,), "order": (0, (1, 1))}[by])
    assert account() == (FITS if good else POSITIONS)
    assert account(side=-1) == (FITS if good else POSITIONS)


@pytest.mark.parametrize("begun", [(1,), (-1,), (0, (1, 1)), (0, (-1, 1))])
def test_a_coin_that_has_something_is_one_of_them_already(begun):
    account = Account(max_positions=1).hold(0, *begun)
    assert account() == FITS
    account.shared["positions"] = 5
    assert account() == FITS
    assert account(1) == POSITIONS


def test_positions_and_orders_of_coins_and_desk_add_up():
    account = Account(max_positions=4).hold(1, 1).hold(2, -1)
    account.shared["positions"] = 1
    assert account() == FITS
    account.shared["positions"] = 2
    assert account() == POSITIONS
    account.shared["positions"] = 4
    assert account() == POSITIONS


@pytest.mark.parametrize(("limit", "good"), [(8, False), (9, True)])
def test_open_orders_of_the_account_are_those_of_all_coins_and_of_the_desk(limit, good):
    account = Account(max_orders=limit).hold(0, 0, (1, 1), (-1, 1)).hold(1, 0, (1, 1)).hold(3, 0, (1, 1), (-1, 1))
    account.shared["orders"] = 3
    assert account() == (FITS if good else ORDERS)


@pytest.mark.parametrize("side", [1, -1])
def test_what_only_takes_off_what_is_held_passes_the_limits_on_entries(side):
    """With all its side's orders it takes off no more than there is: more would be an entry."""
    full = {"max_in_use": 0.0, "max_positions": 1, "max_orders": 1, "silent_ns": 10, "unknown_symbol": 1}
    account = Account(unknown_venue=1, **full).hold(1, 0, (1, 1), at=NOW - 11, known=False)
    account.hold(0, -9 * side, (side, 4))
    assert account(side=side, qty=5) == FITS
    assert account(side=side, qty=6) == UNANSWERED
    account.shared["unknown_venue"] = 2
    assert account(side=side, qty=6) == ORDERS
    assert account(side=-side) == ORDERS
    account.shared["max_orders"] = 3
    assert account(side=side, qty=15) == IN_USE
    assert account(side=-side) == IN_USE
    account.hold(0, -9 * side, (side, 4), at=NOW - 11, known=False)
    assert account(side=side, qty=1) == UNANSWERED, "its own coin's hold it up"


def used(account: Account, **order: int) -> float:
    """The least share of the equity that lets an order pass, to a billionth."""
    low, high = 0.0, 100.0
    for _ in range(60):
        account.shared["max_in_use"] = middle = (low + high) / 2
        low, high = (low, middle) if account(**order) == FITS else (middle, high)
    return high


def test_margin_in_use_is_the_worst_case_of_every_coin_of_the_wallet_and_the_desks():
    """Of 1,000: the order's coin, each at the dearer of its price and the ask, and what the desk's trades use."""
    lot = 2 * 0.1 / 1_000
    assert used(Account(), qty=7) == pytest.approx(7 * ASK * lot)
    assert used(Account(), qty=7, side=-1, price=ASK + 2) == pytest.approx(7 * (ASK + 2) * lot)
    assert used(Account().hold(0, 4, (1, 3), (-1, 50)), qty=40) == pytest.approx(47 * ASK * lot)
    assert used(Account().hold(0, -4, (-1, 3), (1, 50)), qty=40, side=-1) == pytest.approx(47 * ASK * lot)
    both = Account().hold(1, 4, (1, 3), (-1, 5)).hold(2, -6, (-1, 2))
    assert used(both, qty=1) == pytest.approx((1 + 7 + 8) * ASK * lot)
    both.envelopes["others"] = 60
    assert used(both, qty=1) == pytest.approx(16 * ASK * lot + 0.06)
    assert used(both.hold(3, 500), qty=1) == pytest.approx(16 * ASK * lot + 0.06), "another wallet's"
    assert used(both, n=3, qty=1) == pytest.approx(501 * ASK * lot + 0.06)


def test_other_coins_count_at_their_own_price_margin_and_contract():
    account = Account().hold(1, 10)
    account.books[1]["best_bid"], account.books[1]["best_ask"] = 50, 51
    account.envelopes[1]["margin"], account.envelopes[1]["unit"] = 0.5, 3.0
    assert used(account) == pytest.approx((ASK * 0.2 + 10 * 51 * 3 * 0.5) / 1_000)
    account.books[1]["best_ask"] = NO_ASK
    assert used(account) == pytest.approx((ASK * 0.2 + 10 * 50 * 3 * 0.5) / 1_000)
    account.books[1]["best_ask"], account.books[1]["best_bid"] = 51, NO_BID
    assert used(account) == pytest.approx((ASK * 0.2 + 10 * 51 * 3 * 0.5) / 1_000)
    account.books[1]["best_bid"] = 1
    assert used(account) == pytest.approx((ASK * 0.2 + 10 * 51 * 3 * 0.5) / 1_000)
    account.envelopes[1]["inverse"], account.envelopes[1]["unit"] = 1, 6_000.0
    account.books[1]["best_bid"] = 50
    assert used(account) == pytest.approx((ASK * 0.2 + 10 * 120 * 0.5) / 1_000)


def test_another_coin_with_one_side_counts_at_that_side():
    account = Account().hold(1, 10)
    account.books[1]["best_bid"], account.books[1]["best_ask"] = 1, NO_ASK
    assert used(account) == pytest.approx((ASK + 10) * 0.2 / 1_000)
    account.books[1]["best_bid"], account.books[1]["best_ask"] = 0, 40
    account.envelopes[1]["inverse"], account.envelopes[1]["unit"] = 1, 800.0
    assert used(account) == pytest.approx((ASK * 0.2 + 10 * 20 * 0.1) / 1_000)


def test_all_of_the_limit_may_be_in_use():
    exactly = Account(equity=ASK, max_in_use=1.0)
    exactly.envelopes["margin"] = 0.5
    assert exactly() == FITS
    exactly.envelopes["equity"] = ASK * 0.999
    assert exactly() == IN_USE


@pytest.mark.parametrize(("inverse", "lots"), [(0, 10), (1, 10), (0, 1), (0, -1)])
def test_a_coin_whose_price_is_not_known_holds_up_what_adds_to_another(inverse, lots):
    """What cannot be computed counts as failed; where nothing is bounded, nothing is held up."""
    account = Account(max_in_use=1e300).hold(1, lots).hold(0, 5)
    account.envelopes[1]["inverse"] = inverse
    account.books[1]["best_bid"], account.books[1]["best_ask"] = NO_BID, NO_ASK
    assert account() == IN_USE
    assert account(side=-1, qty=5) == FITS
    account.books[1]["best_ask"] = NO_ASK - 1
    assert account() == FITS
    account.books[1]["best_ask"], account.shared["max_in_use"] = NO_ASK, np.inf
    assert account() == FITS


def test_a_coin_that_may_hold_nothing_needs_no_price():
    account = Account(max_in_use=1.0)
    account.hold(1, 2, (-1, 2))
    account.working[1]["position"] = account.working[1]["selling"] = account.working[1]["buying"] = 0
    account.books[1]["best_bid"], account.books[1]["best_ask"] = NO_BID, NO_ASK
    assert account() == FITS


def test_an_order_that_makes_the_worst_case_no_larger_passes_whatever_is_in_use():
    account = Account(max_in_use=0.0).hold(0, 5, (1, 2), (-1, 4))
    assert account(side=-1, qty=8) == FITS, "7 long before, 7 short after"
    assert account(side=-1, qty=9) == IN_USE
    assert account(side=1, qty=1) == IN_USE
    short = Account(max_in_use=0.0).hold(0, -5, (-1, 2), (1, 4))
    assert short(side=1, qty=8) == FITS
    assert short(side=1, qty=9) == IN_USE
    assert short(side=-1, qty=1) == IN_USE


def test_no_equity_has_no_room():
    assert Account(equity=0.0, max_in_use=1.0)() == IN_USE
    assert Account(equity=-5.0, max_in_use=1.0)() == IN_USE


@pytest.mark.parametrize(("age", "good"), [(10, True), (11, False)])
def test_an_order_without_an_answer_blocks_its_coin(age, good):
    limits = {"silent_ns": 10, "unknown_symbol": 1}
    account = Account(**limits).hold(0, 0, (1, 1), at=NOW - age, known=False)
    assert account() == (FITS if good else UNANSWERED)
    assert account(1) == FITS, "other coins go on"
    assert Account(**limits).hold(0, 0, (1, 1), at=NOW - age)() == FITS, "it was answered"
    two = Account(silent_ns=10, unknown_symbol=2).hold(0, 0, (1, 1), at=NOW - 11, known=False)
    assert two() == FITS
    assert two.hold(0, 0, (-1, 1), at=NOW - 12, known=False)() == UNANSWERED


def silent(account, *moments):
    """The desk has orders without an answer that are UNKNOWN behind these moments."""
    account.shared["waiting"] = len(moments)
    account.shared["silent_from"][: len(moments)] = moments
    return account


def test_so_many_everywhere_block_all_coins():
    account = Account(silent_ns=10, unknown_symbol=3, unknown_venue=3)
    silent(account.hold(1, 0, (1, 1), at=NOW - 11, known=False), NOW - 1)
    assert account() == FITS
    assert account.hold(0, 0, (1, 1), at=NOW - 11, known=False)() == UNANSWERED
    assert account(2) == UNANSWERED
    assert silent(account)(2) == FITS
    assert account.hold(3, 0, (1, 1), at=NOW - 11, known=False)(2) == UNANSWERED


def test_orders_of_the_desk_become_unknown_as_time_goes_by():
    account = silent(Account(unknown_venue=2), NOW - 5, NOW, NOW + 5)
    assert [account(now=now) for now in (NOW - 5, NOW, NOW + 1)] == [FITS, FITS, UNANSWERED]
    account.shared["unknown_venue"] = 3
    assert [account(now=NOW + more) for more in (5, 6)] == [FITS, UNANSWERED]
    account.shared["waiting"] = 2
    assert account(now=NOW + 6) == FITS


def test_no_limit_on_orders_without_an_answer_is_beyond_what_is_watched():
    for most in (1, 100):
        assert from_mapping({"limits": {"unknown_venue": most}}).limits.unknown_venue <= SILENCES
    with pytest.raises(ConfigError):
        from_mapping({"limits": {"unknown_venue": SILENCES}})
