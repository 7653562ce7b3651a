import io
from dataclasses import replace

import pytest
from rich.console import Console
from states import BTC, ETH, paper

from tickerml.views.live import Screen, event_line, lines, plain_line
from tickerml.views.live_state import Event, Feeds


def shown(state, width=100, height=40):
    return [text for text, _ in lines(state, width, height)]


def test_the_screen_is_this():
    assert shown(paper()) == [
        " SYNTHETIC MARKET (calm, seed 7): shows that the program works, says nothing about profit",
        " tickerml paper  psc  6 coins   run 8f3a21                       2026-01-04 11:42:10 UTC   max speed",
        " [##############################--------------------]  61 %   2.91 M rows   214 k rows/s   left 0:09",
        "-" * 100,
        " EQUITY       9,981.40 USDT     -18.60  -0.19 %      hold +0.42 %      worst fall -0.61 %",
        "            closed -15.14 (fees -12.08, funding 0.00 in it)     open -3.46     in use 32 % of 50 %",
        "            14 trades closed, 5 won: 36 % (16 to 61).  Too few to judge: needs about 280.",
        "-" * 100,
        " POSITION        SIDE        SIZE      ENTRY        NOW      P&L      %       STOP     TARGET  LEFT",
        " BTC/USDT:USDT   long      0.0260   64,120.5   64,004.0    -3.03  -0.18   63,800.0   64,500.0  2:10",
        " ETH/USDT:USDT   short     0.5000   3,141.20   3,142.05    -0.43  -0.03   3,160.00   3,110.00  5:02",
        " 4 of 6 coins flat",
        "-" * 100,
        " DECISIONS   18,204 = 18,143 passed + 61 signals   SIGNALS     61 = 16 orders + 45 refused",
        "   ratio neutral            17,902  ############     edge below cost              22  ############",
        "   spread too wide             241  #                confidence low               11  ######",
        "                                                     timer exit window             7  ####",
        "                                                     cooldown                      5  ###",
        " CONFIDENCE  uncalibrated: 14 settled of 200",
        " COSTS       a trade needs 0.10 % to break even; median move at mid 0.04 %, 9 of 14 above zero",
        "-" * 100,
        " FEEDS       6 of 6 current, oldest 12 ms   gaps 0   resyncs 0   crossed 0   clock +1.27 s corrected",
        " LAST        11:42:10  sell 0.5000 ETH at 3,141.20  filled  edge 0.14 %, confidence 0.31 raw",
        "             11:41:10  refused SOL long                     edge below cost (0.06 % < 0.10 %)",
        "             11:40:10  closed BTC long   +2.11 USDT target  held 3:31",
        "             11:39:10  refused XRP short                    timer in EXIT window",
        "             11:38:10  closed DOGE short -1.98 USDT stop    held 1:04",
        "             11:37:10  refused SUI long                     confidence 0.24 raw < 0.30",
        " Ctrl-C: close, write the report, stop.  Twice: stop at once (nothing stored is lost).",
    ]


@pytest.mark.parametrize("height", range(18, 45))
@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_it_never_leaves_its_rectangle(width, height):
    many = tuple(replace(BTC, coin=f"C{i}/USDT") for i in range(20))
    found = shown(paper(positions=many), width, height)
    assert len(found) <= height
    assert max(map(len, found)) <= width


def test_events_go_first_then_reasons_then_positions_beyond_five():
    many = tuple(replace(ETH, coin=f"C{i}/USDT") for i in range(9))
    state = paper(positions=many)
    full = len(shown(state))
    assert full == 36

    def left(height):
        found = shown(state, height=height)
        return (
            sum("11:" in line and "UTC" not in line for line in found),
            sum("#" in line and "[" not in line for line in found),
            sum(line.startswith(" C") and "/USDT" in line for line in found),
        )

    assert left(full) == (6, 4, 9)
    assert left(full - 6) == (0, 4, 9)
    assert left(full - 8) == (0, 2, 9)
    assert left(full - 11)[2] < 9
    assert " +4 more" in shown(state, height=24)
    assert left(22)[2] == 5


def test_what_went_wrong_is_said_in_words_at_the_top():
    state = paper(feeds=Feeds(6, 5, 14_000.0, stale=(("SOL", 14.0),)), venue="binance", synthetic="", done=None)
    found = lines(replace(state, elapsed=15_151 * 10**9), 100, 40)
    assert found[0][0].strip() == "LIVE ORDERS ON binance"
    assert "reverse" in found[0][1]
    assert found[1][0] == " STALE SOL 14 s"
    assert found[3][0].startswith(" live 4:12:31   2.91 M rows")


def test_below_100_columns_size_stop_and_target_go_and_nothing_else_is_lost():
    found = "\n".join(shown(paper(), 80, 60))
    assert "SIZE" not in found
    assert "TARGET" not in found
    for word in ("64,120.5", "edge below cost", "needs about 280", "in use 32 % of 50 %", "nothing about", "corrected"):
        assert word in " ".join(found.split())


def test_a_run_at_its_start():
    state = paper(
        positions=(), passes={}, refusals={}, signals=0, orders=0, trades=0, won=0, events=(), confidence="", costs="",
        rows=0, rows_per_s=0.0, done=0.0, doing="compiling kernels 3 of 9, left 4 s", hold=None,
    )  # fmt: skip
    found = shown(state)
    assert " compiling kernels 3 of 9, left 4 s" in found
    assert "            no trade closed yet" in found
    assert " 6 of 6 coins flat" in found
    assert not any("POSITION" in line or "nan" in line for line in found)


def test_rich_draws_it_without_wrapping_and_without_reading_markup():
    out = io.StringIO()
    state = paper(events=(Event(0, "closed [bold]BTC[/bold]"),))
    Console(file=out, width=100, height=40, force_terminal=False).print(Screen(state))
    assert "closed [bold]BTC[/bold]" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 100


def test_plain_lines():
    assert plain_line(paper(synthetic="")) == (
        "2026-01-04 11:42:10 - paper - INFO - 61 %  rows 2914021  rows_s 214000  equity 9981.40  trades 14  "
        "orders 16  refused 45  gaps 0  left 9s"
    )
    assert "INFO - synthetic  61 %" in plain_line(paper())
    gap = Event(1_767_528_224 * 10**9, "gap SOL/USDT", "4.2 s, 38 updates lost", "WARNING", "feed")
    assert event_line(gap) == "2026-01-04 12:03:44 - feed - WARNING - gap SOL/USDT  4.2 s, 38 updates lost"
    assert event_line(replace(gap, text="gap \u2192 SOL")).isascii()
