"""Progress: lines in a pipe, a moving display only on a terminal, and Ctrl-C once and twice."""

import io
import os
import re
import signal
import sys
import threading
import time
from decimal import Decimal

import pytest

from tickerml.cli.errors import reflowed, render
from tickerml.cli.pace import Pace, clock
from tickerml.cli.progress import Watch
from tickerml.cli.tables import table
from tickerml.cli.terminal import Terminal
from tickerml.tape.errors import InputError
from tickerml.tape.progress import Progress
from tickerml.views.live_state import LiveState


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Pipe(io.StringIO):
    encoding = "utf-8"


def plain():
    stream = Pipe()
    return stream, Terminal.of(stream, env={})


def test_a_watch_is_a_progress():
    watch: Progress = Watch("import", plain()[1])
    assert watch.stop is False


def test_a_pipe_gets_one_line_a_tenth_and_at_most_one_a_second(monkeypatch):
    stream, to = plain()
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Watch("paper", to) as watch:
        for done in range(1001):
            now[0] += 0.02
            watch(done, 1000)
        before = stream.getvalue()
        for done in range(1001):
            watch(done, 1000, "quick")
        assert len(stream.getvalue().splitlines()) == len(before.splitlines()) + 1
    stream = io.StringIO(before)
    lines = stream.getvalue().splitlines()[1:]
    assert len(lines) == 11
    form = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - paper - INFO - 0 %  paper  rows 0"
    assert re.fullmatch(form, lines[0])
    assert re.search(r" - 100 %  paper  rows 1000", lines[-1])
    assert stream.getvalue().isascii()


def test_work_without_an_end_still_speaks_once_a_minute(monkeypatch):
    stream, to = plain()
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Watch("import", to) as watch:
        for step in range(600):
            now[0] = 1000.0 + step
            watch(step * 100, None, "books.gz")
    lines = stream.getvalue().splitlines()[1:]
    assert len(lines) == 10
    assert lines[-1].endswith("books.gz  rows 54000  rows_s 100")


def test_another_piece_of_work_starts_its_own_clock():
    pace = Pace()
    pace.step(0, 100, "a", "rows", 10.0)
    pace.step(50, 100, "a", "rows", 15.0)
    assert pace.rate(15.0) == 10.0
    assert pace.left(15.0) == 5.0
    pace.step(0, 10, "b", "kernels", 15.0)
    assert pace.left(15.05) is None


def test_time_left_forgets_how_long_the_beginning_took():
    """Twenty seconds of compiling, then a thousand rows a second."""
    pace = Pace()
    pace.step(0, 100_000, "a", "rows", 0.0)
    pace.step(10, 100_000, "a", "rows", 20.0)
    for k in range(1, 61):
        pace.step(10 + 100 * k, 100_000, "a", "rows", 20.0 + 0.1 * k)
    assert pace.left(26.0) == pytest.approx((100_000 - 6_010) / 1_000, rel=0.01)
    assert pace.rate(26.0) == pytest.approx(6_010 / 26)
    pace.step(0, 10, "b", "rows", 30.0)
    pace.step(5, 10, "b", "rows", 31.0)
    assert pace.left(31.0) == 1.0  # of this work alone


def test_time_left_of_work_that_stands_still_is_that_of_the_whole():
    pace = Pace()
    pace.step(0, 100, "a", "rows", 0.0)
    for second in range(1, 21):
        pace.step(50, 100, "a", "rows", float(second))
    assert pace.left(20.0) == pytest.approx(20.0)


def test_notes_are_log_lines_in_a_pipe():
    stream, to = plain()
    with Watch("paper", to) as watch:
        watch.note("gap SOL/USDT  4.2 s", "WARNING", "feed")
        watch.note("cache hit", "DEBUG")
    assert stream.getvalue().endswith(" - feed - WARNING - gap SOL/USDT  4.2 s\n")
    with Watch("paper", to, verbose=1) as watch:
        watch.note("cache hit", "DEBUG", at=10**18)
    assert stream.getvalue().endswith("2001-09-09 01:46:40 - paper - DEBUG - cache hit\n")


def state(done):
    money = Decimal(10000)
    return LiveState(
        "paper", "psc", 2, "8f3a21", 10**18, "USDT", money, money, done=done, rows=5, synthetic="calm, seed 7"
    )


def test_a_running_market_is_a_line_a_tenth_in_a_pipe(monkeypatch):
    stream, to = plain()
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Watch("paper", to) as watch:
        for step in range(101):
            now[0] += 0.2
            watch.show(state(step / 100))
    lines = stream.getvalue().splitlines()[1:]
    assert len(lines) == 11
    assert re.match(r"2001-09-09 01:46:40 - paper - INFO - synthetic  0 %  rows 5  ", lines[0])


def test_a_running_market_is_drawn_on_a_terminal():
    stream = Tty()
    with Watch("paper", Terminal.of(stream, env={"TERM": "xterm"})) as watch:
        assert watch.due
        watch.show(state(0.5))
        assert not watch.due
        time.sleep(0.4)
    assert "SYNTHETIC MARKET (calm, seed 7)" in stream.getvalue()
    assert "EQUITY" in stream.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(9.2, "9s"), (190, "3m 10s"), (7500, "2h 05m")])
def test_time_left_in_words(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("env", "tty", "flag", "animate", "colour"),
    [
        ({}, True, False, True, True),
        ({}, False, False, False, False),
        ({"FORCE_COLOR": "1"}, False, False, False, True),
        ({"NO_COLOR": "1"}, True, False, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, True, False),
        ({"TERM": "dumb"}, True, False, False, False),
        ({}, True, True, False, False),
    ],
)
def test_rules_of_colour_and_motion(env, tty, flag, animate, colour):
    found = Terminal.of((Tty if tty else Pipe)(), flag, env)
    assert (found.animate, found.colour) == (animate, colour)


def test_force_color_writes_no_cursor_codes_into_a_pipe():
    stream = Pipe()
    with Watch("paper", Terminal.of(stream, env={"FORCE_COLOR": "1"})) as watch:
        watch(1, 2)
    assert not re.search(r"\x1b\[[0-9;?]*[A-HJKfhlsu]", stream.getvalue())


def test_a_terminal_gets_a_bar_with_rate_and_time_left_and_is_left_clean():
    stream = Tty()
    with Watch("import", Terminal.of(stream, env={"TERM": "xterm"})) as watch:
        assert "starting" in stream.getvalue()
        watch(0, 1000, "books.gz")
        time.sleep(0.15)
        watch(250, 1000, "books.gz")
        watch.note("a gap")
        time.sleep(0.4)
    shown = stream.getvalue()
    assert "a gap" in shown
    assert re.search(r"25 %", shown)
    assert re.search(r"rows/s", shown)
    assert re.search(r"left 0:0\d", shown)
    assert shown.rstrip("\n").endswith("\x1b[2K"), "the display takes its last line away"


def test_non_utf8_streams_are_ascii():
    raw = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    to = Terminal.of(raw, env={})
    to.write("späh")
    raw.flush()
    assert raw.buffer.getvalue() == b"sp?h\n"


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C: a shell starts jobs in the background with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill(SIGINT) ends the process on Windows")
def test_ctrl_c_asks_first_and_stops_second(ctrl_c):
    stream, to = plain()
    before = signal.getsignal(signal.SIGINT)
    with Watch("paper", to, graceful=True) as watch:
        os.kill(os.getpid(), signal.SIGINT)
        assert watch.stop is True
        assert "Ctrl-C again stops at once" in stream.getvalue()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill(SIGINT) ends the process on Windows")
def test_ctrl_c_stops_work_that_cannot_end_early(ctrl_c):
    with pytest.raises(KeyboardInterrupt), Watch("import", plain()[1]):
        os.kill(os.getpid(), signal.SIGINT)


def test_a_watch_outside_the_main_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    failed = []

    def work():
        try:
            with Watch("paper", plain()[1], graceful=True) as watch:
                watch(1, 2)
        except ValueError as error:  # what signal.signal raises off the main thread
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("columns", ["60", "100", "", "x", "3"])
def test_a_known_width_folds_what_is_too_long_and_a_pipe_folds_nothing(columns, monkeypatch):
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    else:
        monkeypatch.delenv("COLUMNS", raising=False)
    out = Pipe()
    to = Terminal.of(out)
    to.folded("  label       " + "word " * 30)
    shown = out.getvalue().splitlines()
    if columns not in {"60", "100", "3"}:
        assert (to.narrow, to.width, len(shown)) == (False, 100, 1)
        return
    assert (to.narrow, to.width) == (True, max(40, int(columns)))
    assert max(map(len, shown)) <= to.width
    assert all(line.startswith(" " * 14) for line in shown[1:])


def test_a_table_that_is_too_wide_becomes_blocks():
    rows = [{"symbol": "BTC/USDT", "rows": 12345, "start": "2024-07-23T15:39:42.850494Z"}]
    assert len(table(rows)) == len(table(rows, 60)) == 2
    assert table(rows, 40) == ["BTC/USDT", "  rows   12,345", "  start  2024-07-23T15:39:42.850494Z"]


def test_a_page_is_wrapped_again_where_it_is_too_wide():
    text = "# A title\n\nOne sentence of\nseveral words.\n\n- An item that is\n  long.\n- Another."
    assert reflowed(text, 80) == text.split("\n")
    assert reflowed(text, 16) == [
        *("# A title", "", "One sentence of", "several words.", ""),
        *("- An item that", "  is long.", "- Another."),
    ]


def test_an_error_fits_a_narrow_screen():
    out = Pipe()
    error = InputError(
        "some-code", "a message of " + "many words " * 12, means="word " * 30, try_="tickerml " + "x" * 80
    )
    render(error, Terminal(out, animate=False, colour=False, ascii=False, width=60, narrow=True))
    shown = out.getvalue().splitlines()
    assert max(map(len, shown[:-1])) <= 60
    assert shown[0].startswith("error[some-code]: a message of many words")
    assert shown[1].startswith("  words")
    assert shown[-1].endswith("x" * 80)  # what can be pasted stays one line
    assert " ".join(line.strip() for line in shown).count("many words") == 12
