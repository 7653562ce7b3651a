import json
import re
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from stories import COINS, idle, short_run, story

from tickerml.views import words
from tickerml.views.chapters import why_not
from tickerml.views.page import page
from tickerml.views.result import result
from tickerml.views.story import Count, Decisions, Leak
from tickerml.views.summary import summary
from tickerml.views.why import why, why_json

RUNS = {
    "many": story(81, twins=True),
    "short": short_run(),
    "few": short_run(7),
    "one": short_run(1),
    "idle": idle(),
    "large": story(2600, coins=COINS, days=400, cash=100_000, edge=3),
}


def test_the_lines_are_these():
    assert summary(short_run()).splitlines() == [
        "SYNTHETIC MARKET (calm, seed 7): shows that the program works, says nothing about profit",
        "psc lost 88.31 USDT (-0.88 %) in 23 trades; too few to judge (needs about 400)",
        "  net         -88.31 USDT   95 %: -170 to -17   hold -0.02 %   by chance as good: 98 of 100 redraws",
        "  money       at mid -24.28   spread -22.08   fees -36.80   latency -3.68   queue -1.47   rejects 0",
        "  worst fall  -0.99 %, 18 hours, not over",
        "  Sharpe      not shown: 19 hours, needs 30 days       trials on record 1",
        "  confidence  uncalibrated: 23 settled of 200",
        "  no trade    55,802 passes: ratio neutral 55,549   434 refusals: confidence low 140, cooldown 103",
        "  data        4.77 M rows, 6 coins, 2026-01-04 00:00 to 19:00 UTC, gaps 0; 22.3 s, 214 k rows/s",
        "  next        tickerml why 8f3a21 | tickerml replay 8f3a21 | report: runs/8f3a21/report.html",
    ]


@pytest.mark.parametrize(("made", "told"), [((20, 27), "20 to 27"), ((27, 27), "27"), ((23, 24), "23 to 24")])
def test_steps_of_re_runs_that_made_other_trades_say_so(made, told):
    """A fee that is above 0 is no fee: without it the strategy traded otherwise."""
    run = short_run()
    layers = tuple(replace(one, trades=made[k % 2]) for k, one in enumerate(run.waterfall))
    lines = summary(replace(run, waterfall=layers)).splitlines()
    said = f"(re-runs made {told} trades: a step holds what other trades earned, too)"
    assert lines[4] == " " * 14 + said
    same = tuple(replace(one, trades=23) for one in run.waterfall)
    assert summary(replace(run, waterfall=same)) == summary(run)


def test_what_an_import_refused_has_a_line_of_its_own():
    """At the end of a long line of data it was cut away."""
    health = replace(short_run().health, problems={"file-truncated": 1, "missing-bar": 1200})
    lines = summary(replace(short_run(), health=health)).splitlines()
    assert "  at import   missing bar 1,200, file truncated 1" in lines
    many = {f"reason-{n}": n for n in range(1, 60)}
    (line,) = [
        one
        for one in summary(replace(short_run(), health=replace(health, problems=many))).splitlines()
        if one.startswith("  at import")
    ]
    assert re.search(r", and \d+ kinds more$", line)
    assert len(line) <= 100


@pytest.mark.parametrize("name", RUNS)
def test_every_run_fits_100_columns_of_ascii_and_shows_no_empty_statistic(name):
    text = summary(RUNS[name])
    for line in text.splitlines():
        assert len(line) <= 100
        assert line.isascii()
        assert not line.endswith("...")
        assert "-0 " not in f"{line} "
        assert "nan" not in line
        assert "None" not in line


@pytest.mark.parametrize("name", RUNS)
def test_only_the_speed_may_differ_between_two_runs(name):
    run = RUNS[name]
    fast = summary(replace(run, seconds=1.0)).splitlines()
    for one, two in zip(summary(run).splitlines(), fast, strict=True):
        assert one == two or one.startswith("  data ")


def test_the_synthetic_line_stands_first_and_only_when_true():
    assert summary(RUNS["short"]).startswith("SYNTHETIC MARKET (calm, seed 7)")
    assert "SYNTHETIC" not in summary(RUNS["many"])


def test_a_look_ahead_is_told_before_any_figure():
    run = short_run()
    leak = Leak("mine", "signal", "2024-01-03T05:00:00Z", 12, "mine.py")
    health = replace(run.health, leak_check="LOOKS AHEAD: signal at mine.py:12", leaks=(leak,))
    lines = summary(replace(run, health=health)).splitlines()
    told = next(n for n, line in enumerate(lines) if line.startswith("  leaks "))
    assert lines[told] == "  leaks       LOOKS AHEAD: signal at mine.py:12; the figures below are worth nothing"
    assert lines[told + 1].startswith("  net ")
    assert "  leaks " not in summary(run)


def test_a_statistic_that_does_not_exist_has_no_line():
    names = [line.split()[0] for line in summary(RUNS["idle"]).splitlines()[1:]]
    assert names == ["net", "no", "data", "next"]
    assert "95 %" not in summary(RUNS["few"])


def test_h3_chance_is_told_also_where_the_line_is_full():
    run = story(81, cash=10_000_000, twins=True)
    trades = tuple(replace(t, pnl=t.pnl * 1000) for t in run.trades)
    run = replace(run, trades=trades, final_equity=run.start_equity + sum(t.pnl for t in trades))
    line = summary(run).splitlines()[1]
    assert re.search(r"hold \S+ %.*by chance: \d+ of 100 twins$", line)


def test_what_no_layer_explains_is_shown():
    run = short_run(7)
    assert "rest" not in summary(run)
    layers = tuple(x for x in run.waterfall if x.name != "latency")
    assert "queue -0.45   rejects 0   rest -1.12" in summary(replace(run, waterfall=layers))
    layers = tuple(replace(x, money=x.money * 10_000) for x in run.waterfall)
    wide = next(line for line in summary(replace(run, waterfall=layers)).splitlines() if line.startswith("  money"))
    assert wide.endswith("queue -4k  rejects 0  rest -56k")  # none is dropped: they add up only together


def test_the_result_is_plain_json_with_money_as_strings():
    found = json.loads(msgspec.json.encode(result(RUNS["short"])))
    assert found["pnl"] == "-88.31"
    assert found["currency"] == "USDT"
    assert found["synthetic"] is True
    assert found["start"] == "2026-01-04T00:00:00Z"
    assert found["decisions"] == found["fills"] // 2 + sum(found["refusals"].values()) + sum(found["passes"].values())
    contract = "run synthetic rows decisions orders fills refusals pnl fees funding max_drawdown final_equity currency"
    assert set(contract.split()) <= set(found)
    assert {"decision_hash", "state_hash", "rows_per_s"} <= set(found)
    assert json.loads(msgspec.json.encode(result(RUNS["idle"])))["fills"] == 0


def test_views_print_the_same_values():
    run, found = RUNS["short"], result(RUNS["short"])
    assert words.money(Decimal(found["pnl"]), "USDT", sign=True) in summary(run)
    assert words.percent(found["max_drawdown"]) in summary(run)
    assert words.span_of(*found["pnl_95"]) in summary(run)


def test_why_answers_for_all_and_for_one_pair():
    run = RUNS["short"]
    text = why(run)
    assert "SYNTHETIC" in text.splitlines()[0]
    assert "the last: edge below cost (0.06 % < 0.10 %)" in text
    assert max(map(len, text.splitlines())) <= 100
    one = why(run, COINS[0])
    assert one.splitlines()[1].startswith("psc on BTC/USDT:USDT: ")
    found = why_json(run)
    assert sum(found["passes"].values()) == sum(sum(p["passes"].values()) for p in found["pairs"].values())
    assert list(why_json(run, COINS[0])["pairs"]) == [COINS[0]]
    with pytest.raises(KeyError, match="XMR/USDT is not in this run; it has BTC"):
        why(run, "XMR/USDT")


def test_why_of_a_run_that_refused_nothing():
    run = story(5)
    run = replace(run, decisions=replace(run.decisions, passes=(), refusals=()))
    assert "Nothing was passed over and nothing was refused." in why(run)


def test_why_tells_what_kept_quotes():
    run = story()
    first, second, third = "BTC/USDT:USDT", "ETH/USDT:USDT", "TON/USDT:USDT"
    kept = (
        Count("positions-at-once", first, 70),
        Count("rate-of-messages", first, 20),
        Count("open-orders", second, 10),
    )
    head = replace(run.head, coins=(first, second, third), quoting="quoter")
    run = replace(run, head=head, decisions=replace(run.decisions, passes=(), refusals=(), quotes=kept))
    said = why(run)
    assert "Nothing was passed over" not in said
    assert "quotes that stayed here, asked again at each wake: what kept them (100)" in said
    assert f"{first:<18}" in said
    assert "positions at once 70, rate of messages 20" in said
    assert "nothing stayed here" in said
    told = why_json(run)
    assert told["quotes"] == {"positions-at-once": 70, "rate-of-messages": 20, "open-orders": 10}
    assert told["pairs"][second]["quotes"] == {"open-orders": 10}
    page = why_not(run)
    assert "every decision became an order" not in page
    assert "Quotes that stayed here" in page
    assert "positions at once" in page
    assert "every decision became an order" in why_not(replace(run, decisions=replace(run.decisions, quotes=())))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-0.0631, "-6.3 %"),
        (-0.00001, "0.00 %"),
        (0.0042, "+0.42 %"),
        (0.52, "+52.0 %"),
        (1.5, "+150 %"),
        (0.0, "0.00 %"),
    ],
)
def test_percent(value, said):
    assert words.percent(value) == said


@pytest.mark.parametrize(
    ("ns", "said"),
    [
        (45, "45 s"),
        (211, "3 min 31 s"),
        (2400, "40 min"),
        (25800, "7 h 10 min"),
        (68400, "19 hours"),
        (17798400, "206 days"),
    ],
)
def test_durations(ns, said):
    assert words.duration(ns * 10**9) == said


def test_money_and_numbers_as_people_read_them():
    assert words.money(Decimal("-1234.5"), "USDT", sign=True) == "-1,234.50"
    assert words.money(Decimal("-0.00001"), "USDT", sign=True) == "0.00"
    assert words.money(Decimal("0.00110512"), "USDT") == "0.0011"
    assert words.money(Decimal("0.00123456"), "BTC") == "0.00123456"
    assert words.money(Decimal(0), "USDT", sign=True) == "0.00"
    assert words.span_of(-122.4, 58.6) == "-122 to +59"
    assert words.about(281.3) == "290"
    assert words.amount(4_770_000) == "4.77 M"
    assert words.amount(214_000) == "214 k"
    assert words.price(Decimal("6.4E+4")) == "64,000"
    assert words.price(Decimal("61404.123456")) == "61,404.12"
    assert words.period(1_767_484_800 * 10**9, 1_767_553_200 * 10**9) == "2026-01-04 00:00 to 19:00 UTC"


def test_a_long_path_of_the_report_is_never_cut():
    path = "runs/" + "a-long-name-of-a-run/" * 5 + "report.html"
    told = story()
    said = summary(replace(told, report=path)).splitlines()
    assert said[-3:] == [
        "  next        tickerml why 8f3a21",
        "              tickerml replay 8f3a21",
        f"              report: {path}",
    ]


def test_a_run_folder_with_spaces_can_be_pasted_from_the_next_line():
    run = short_run()
    named = replace(run, head=replace(run.head, run="my run;1"), report="")
    line = summary(named).splitlines()[-1]
    assert line == "  next        tickerml why 'my run;1' | tickerml replay 'my run;1'"
    assert "tickerml replay &#x27;my run;1&#x27;" in page(named)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("name", list(RUNS))
def test_why_keeps_within_the_screen_and_loses_no_word(name, width):
    wide, shown = why(RUNS[name]), why(RUNS[name], None, width)
    assert max(map(len, shown.split("\n"))) <= width
    assert sorted(shown.replace("#", "").split()) == sorted(wide.replace("#", "").split())
    if width >= 60:
        assert [line for line in shown.split("\n") if " % " in line and "#" in line] or "#" not in wide


def test_a_folded_line_goes_on_behind_its_label():
    assert words.fold("  net         -7.10 USDT     hold -0.24 %     by chance 3 of 4", 40) == [
        "  net         -7.10 USDT",
        "              hold -0.24 %",
        "              by chance 3 of 4",
    ]
    assert words.fold("    one:two  " + "word " * 9, 30)[1].startswith("      word")
    assert words.fold("no label here at all, only words", 20) == ["no label here at", "  all, only words"]
    assert words.fold("x" * 50, 20) == ["x" * 50]  # a path stays whole


def test_control_characters_of_a_reason_are_written_out():
    said = "\x1b[31mred\nnext\x9b0m"
    counts = (Count(said, "BTC/USDT", 9),)
    told = replace(story(), decisions=Decisions(counts, (Count("edge", "BTC/USDT", 1),), {"edge": said}))
    for text in (summary(told), why(told), why(told, width=40)):
        assert "\\x1b[31mred\\nnext" in text
        assert "\x1b" not in text
        assert "\x9b" not in text
    assert len(why(told).splitlines()) == len(
        why(replace(told, decisions=plain_decisions(told.decisions))).splitlines()
    )


def plain_decisions(told):
    """The same decisions, with words for reasons."""
    return Decisions((Count("red", "BTC/USDT", 9),), told.refusals, {"edge": "said"})
