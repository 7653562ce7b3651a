"""Every control of the desk: what it is for, which limits set it, what it refuses with, which test shows it.

docs/limits.md is made from this table and from the lines of `Limits`; a test holds both to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tickerml.desk.limits import Refused

R = Refused


@dataclass(frozen=True, slots=True)
class Control:
    """One control. `keys` are keys of `limits`; `refuses` is empty where it shrinks, closes or withdraws instead."""

    name: str
    keys: tuple[str, ...]
    refuses: tuple[Refused, ...]
    why: str
    test: str  # file in tests/desk, or folder/file in tests, and function
    simulated: str = ""  # what feeds it in a simulation, where a venue does in a live session


def _control(name: str, keys: str, refuses: tuple[Refused, ...], test: str, why: str, simulated: str = "") -> Control:
    return Control(name, tuple(keys.split()), refuses, why, test, simulated)


CONTROLS: Final[tuple[Control, ...]] = (
    _control(
        "order notional",
        "order_share depth_share",
        (R.ORDER_SIZE,),
        "test_sizing:test_order_notional_holds_order_by_order",
        "a typing error sold $1.4 bn in 2022 after 711 warnings were overridden; "
        "an order above a small share of the book moves it",
    ),
    _control(
        "change of an exposure",
        "least_change",
        (R.SMALL_CHANGE,),
        "test_further:test_f3_a_further_entry_adds_at_least_the_least_change",
        "a strategy that wishes an exposure at every bar would trade away its profit in corrections of a lot or two",
    ),
    _control(
        "price collar",
        "collar_major collar collar_median through_entry through_close through_stop through_stop_again",
        (R.COLLAR,),
        "engine/test_stop_reach:test_f3_a_stop_reaches_so_far_then_farther_then_to_the_market",
        "fat fingers; the losing side of the mid only, so that a grid may rest far below; market entries, "
        "closes and stops leave as limits that reach only so far (on bars, which have no touch, at the market)",
    ),
    _control(
        "stale or crossed book",
        "stale_major stale_after majors",
        (R.STALE, R.CROSSED, R.NO_PRICE),
        "test_checks:test_a_market_at_its_limit_passes_and_beyond_it_is_refused",
        "bots have traded for hours on a book that had stopped",
    ),
    _control(
        "venue out of line",
        "apart apart_s",
        (R.OUT_OF_LINE,),
        "test_checks:test_venue_out_of_line_only_after_it_has_lasted",
        "October 2025: a dollar coin at 0.65 on one venue and near 1 elsewhere",
        "the same pair on another venue of the tape; else the index price that the tape tells of the instrument, else "
        "its mark price, held against ours of the same moment, where it comes every 90 s or so (bars: and two bars)",
    ),
    _control(
        "quote depeg",
        "off_par",
        (R.OFF_PAR,),
        "test_checks:test_a_market_at_its_limit_passes_and_beyond_it_is_refused",
        "profits in a coin that has lost its peg are none",
    ),
    _control(
        "volatility halt",
        "halt_move_major halt_move halt_spread halt_s",
        (R.VOLATILITY_HALT,),
        "test_checks:test_a_market_at_its_limit_passes_and_beyond_it_is_refused",
        "in a flash crash spreads of 22 % were seen; entries wait until it is over",
    ),
    _control(
        "message rate",
        "messages_symbol messages messages_venue messages_day quotes_day",
        (R.MESSAGE_RATE,),
        "test_checks:test_message_rates",
        "a router once sent 4 million orders for 212; exits and cancels are not held up by it. Quotes are messages, "
        "too, with a count of the day of their own: half of the 200,000 orders that Binance's "
        "exchangeInfo allows on spot (its FAQ of November 2024 says 160,000)",
        "the venue's limit is the one that it publishes for an account (engine/markets.py); one without is not held",
    ),
    _control(
        "entry rate",
        "entries entries_s",
        (R.ENTRY_RATE,),
        "test_protections:test_entry_rate",
        "a strategy that enters again and again is broken or pays fees for nothing; a grid counts once; it lapses with "
        "entries_s and is no latch, since a scanning strategy reaches it in an ordinary hour: what stays off until a "
        "person looks is losses in a row",
    ),
    _control(
        "losses in a row",
        "losses_smaller losses_size losses_off operator_s",
        (R.LOSING,),
        "test_protections:test_five_losses_in_a_row_need_a_person",
        "repeated execution is off until a person looks; a simulation assumes one who comes after operator_s",
    ),
    _control(
        "unknown orders",
        "unknown_s unknown_symbol unknown_venue",
        (R.UNKNOWN_ORDERS,),
        "test_checks:test_unknown_orders_block_a_coin_and_then_the_venue",
        "silence is no rejection: bots that thought so held 142 % of their limit. Quotes wait, too",
    ),
    _control(
        "position",
        "max_position",
        (R.POSITION_SIZE, R.POSITION_OPEN),
        "test_checks:test_an_exposure_that_already_fills_a_coin",
        "worst case: position + open + unknown + cancel-pending; one setup a coin",
    ),
    _control(
        "margin and cash",
        "max_in_use",
        (R.CAPITAL_IN_USE, R.CAPITAL_SHARE, R.NO_CASH),
        "test_checks:test_capital_and_heat_that_are_all_in_use",
        "half of the capital stays out of the market, quotes counted; each strategy has its share (manager.weights)",
    ),
    _control(
        "risk and heat",
        "risk_per_trade max_heat",
        (R.HEAT,),
        "test_sizing:test_the_rule_that_is_smallest_binds_and_is_named",
        "2 % at one stop and 6 % at all of them: a bad hour costs no more",
    ),
    _control(
        "positions at once",
        "max_open_positions",
        (R.TOO_MANY_POSITIONS, R.NO_ROOM),
        "test_checks:test_positions_at_once",
        "more than a person can oversee are not diversified, only many. A coin that is quoted is one of them",
    ),
    _control(
        "correlation",
        "max_correlation",
        (R.CORRELATED,),
        "test_checks:test_correlation_counts_in_the_direction_of_both",
        "two positions that move together are one, twice as large",
    ),
    _control(
        "open orders",
        "max_open_orders_symbol max_open_orders",
        (R.OPEN_ORDERS,),
        "test_checks:test_open_orders",
        "dead orders pile up where nobody counts them. Quotes are among them",
    ),
    _control(
        "naked position",
        "naked_s",
        (R.STOP_ILLEGAL,),
        "engine/test_stop_reach:test_naked_s_closes_what_the_venue_has_not_covered",
        "a bot without its stop has lost half of an account: the stop is checked before the entry is sent; one that "
        "the venue refuses is asked for once more, and what has none after naked_s (bars: and two bars) is closed",
    ),
    _control(
        "exit possible",
        "min_exit",
        (R.NO_EXIT, R.BELOW_MIN_NOTIONAL),
        "test_sizing:test_exit_possible",
        "dust cannot be sold: what is left at the stop, after fees, must be worth the venue's minimum and a tenth more",
    ),
    _control(
        "loss of the day",
        "day_off day_close",
        (R.DAY_LOSS,),
        "test_protections:test_day_ladder",
        "the next trade of a losing day is the worst; days begin at 0:00 UTC",
    ),
    _control(
        "loss of the session",
        "session_pause pause_s session_kill max_drawdown",
        (R.PAUSED, R.KILLED),
        "test_protections:test_killed_at_a_fifth",
        "a kill switch that was raised and traded on: this one is latched until a person gives a reason; its refusals "
        "say whether the session's loss, the drawdown or a person did it",
    ),
    _control(
        "two equities",
        "equities_apart",
        (R.EQUITIES_APART, R.EQUITY_UNKNOWN),
        "test_checks:test_two_equities_apart",
        "when our sum and the venue's differ, one of them is wrong, and every limit with it",
        "not applicable: the simulated venue is ahead of what we have been told, and has no sum but ours",
    ),
    _control(
        "liquidation distance",
        "liquidation_stops max_leverage",
        (R.LIQUIDATION,),
        "test_leverage:test_the_liquidation_distance_holds_a_wish_down",
        "a stop near the liquidation price is none: the venue closes first; a setup's own leverage is lowered, "
        "the account's usual one refused",
    ),
    _control(
        "legs",
        "legs_s",
        (R.LEG,),
        "engine/test_legs:test_legs_s_what_is_filled_alone_is_closed",
        "a hedge whose second leg was not funded is a bet: all legs are approved and sent at once or none is, and what "
        "is filled while another leg is not after legs_s (bars: and two bars) is closed",
    ),
    _control(
        "enter / reduce loop",
        "flips flips_s",
        (R.FLIPS,),
        "test_protections:test_three_flips_in_a_minute_block_the_coin",
        "a position that is entered and reduced in turn feeds the venue; with the usual cooldown (60 s) and entry rate "
        "(3 in 10 min) three flips in 60 s are out of reach: it is what holds where those two are set wider",
    ),
    _control(
        "self-trade",
        "",
        (R.SELF_TRADE,),
        "test_checks:test_self_trade",
        "trading with oneself is forbidden, and pays two fees",
    ),
    _control(
        "target above cost",
        "cost_floor",
        (R.TARGET_BELOW_COST,),
        "test_checks:test_a_market_at_its_limit_passes_and_beyond_it_is_refused",
        "a target nearer than fees and spread loses when it is reached",
    ),
    _control(
        "instrument drift",
        "",
        (R.REBASING,),
        "test_checks:test_a_market_at_its_limit_passes_and_beyond_it_is_refused",
        "after a change of tick, lot or contract old numbers mean something else",
        "an instrument that the tape has replaced is not entered, nor the new one while anything is left of the old",
    ),
    _control(
        "venue and session",
        "late_s",
        (R.VENUE,),
        "engine/test_tape_facts:test_a_halt_blocks_entries_until_trading_goes_on",
        "no entry until tape and venue agree and the venue is well",
        "STATUS rows (halted), lost updates until the book is whole again, and a newest message that came later than "
        "late_s; not applicable: the venue's errors, drop copy, one instance",
    ),
    _control(
        "alerts",
        "alert_s",
        (R.ALERT,),
        "test_checks:test_alerts_that_nobody_answers",
        "97 mails before the open were read by nobody",
        "a clock of the tape that jumps by more than late_s is one; the assumed person answers it after operator_s",
    ),
    _control(
        "cooldown",
        "cooldown_s",
        (R.COOLDOWN,),
        "test_protections:test_cooldown",
        "what just ended a trade is still going on",
    ),
    _control(
        "stop-loss guard",
        "stop_guard stop_guard_s",
        (R.STOP_GUARD,),
        "test_protections:test_stop_loss_guard",
        "a coin that hits every stop does not suit the strategy now",
    ),
    _control(
        "low-profit coin",
        "low_profit_trades low_profit_loss low_profit_s",
        (R.LOW_PROFIT,),
        "test_protections:test_low_profit_coin",
        "some coins cost a strategy more than all others earn it",
    ),
    _control(
        "kill",
        "",
        (R.KILLED,),
        "test_protections:test_kill_and_resume",
        "stoppable at any time; only a person with a reason starts it again",
    ),
    _control(
        "session start",
        "warm_s warm_size warm_messages",
        (R.MESSAGE_RATE,),
        "test_checks:test_the_beginning_of_a_live_session_is_slow_and_half_sized",
        "what was misconfigured shows in the first minute, at half the size",
        "begins anew for a coin whose book is whole again after lost updates; the run's own start is none",
    ),
    _control(
        "model signals",
        "signal_base signal_volatility signal_most multiplier_low multiplier_high multiplier_volatility",
        (R.CONFIDENCE,),
        "test_sizing:test_s2_formula",
        "sizes by signal, confidence and volatility (F2); the least confidence is the higher of manager.confidence and "
        "the strategy's own min_confidence, and is asked once a model gives one",
    ),
    _control(
        "five-signal tiers and turbo",
        "tier_a_low tier_a_high tier_b_low tier_b_high turbo_balance turbo_positions turbo_risk turbo_heat "
        "turbo_in_use",
        (),
        "test_sizing:test_the_turbo_profile_holds_for_small_accounts_only",
        "below turbo_balance minimum notionals leave no smaller trade; above it the usual limits hold",
    ),
    _control(
        "regime",
        "",
        (R.REGIME,),
        "test_checks:test_regime_stops_or_shrinks_entries",
        "PANIC stops entries (section regime)",
    ),
    _control(
        "universe",
        "",
        (R.UNIVERSE,),
        "test_checks:test_universe_and_symbols",
        "thin, young and wide coins cost more than they show (section manager)",
    ),
    _control(
        "conflicts",
        "",
        (R.CONFLICT,),
        "test_manager:test_a_conflict_goes_to_the_higher_confidence",
        "one position a coin: the higher confidence, then the higher expected value",
    ),
    _control(
        "what cannot be judged",
        "",
        (R.NOT_COMPUTABLE, R.UNKNOWN_KIND, R.SUPERP_OFF, R.NO_SHORT),
        "test_checks:test_a_missing_market_or_wallet_number_is_a_refusal_not_a_crash",
        "a check that cannot be computed counts as failed",
    ),
)
