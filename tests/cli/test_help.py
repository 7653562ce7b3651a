"""The pages of --help: panels, options with what they take, examples; as wide as the screen, coloured where it is."""

import re

import pytest


def headings(page: str) -> list[str]:
    return re.findall(r"^(\w+):$", page, re.MULTILINE)


def test_the_first_page_has_the_panels_and_each_command_under_its_own(tickerml):
    page = tickerml("--help").out
    assert headings(page) == ["Options", "Trade", "Research", "Data", "Look"]
    trade, research = page.split("\nTrade:\n")[1].split("\nResearch:\n")
    assert re.findall(r"^  (\w+)", trade, re.MULTILINE) == ["paper", "stop", "resume"]
    assert {"backtest", "sweep", "check", "new"} <= set(
        re.findall(r"^  (\w+)", research.split("\nData:\n")[0], re.MULTILINE)
    )
    assert "nothing stored is lost." in " ".join(page.split()), "a command says its whole first paragraph"
    assert "Start with `tickerml paper`" in page


def test_hidden_names_work_but_are_not_listed(tickerml):
    assert "backtesting" not in tickerml("--help").out
    assert tickerml("backtesting", "--help").out.startswith("Usage: tickerml backtesting [OPTIONS]\n")


def test_a_page_names_what_an_option_takes_its_default_and_its_range(tickerml):
    page = tickerml("paper", "--help").out
    assert headings(page) == ["Options", "Examples"]
    assert re.search(r"^  -s, --strategy NAME +Its name, or file\.py:ClassName", page, re.MULTILINE)
    assert re.search(r"^  --seed N +Seed of everything random in the run\.  \[default: 0; x>=0\]$", page, re.MULTILINE)
    assert page.rstrip().endswith("tickerml paper --speed 1x --metrics 9201                Prometheus watches it")


def test_arguments_are_named_without_types(tickerml):
    page = tickerml("compare", "--help").out
    assert page.startswith("Usage: tickerml compare [OPTIONS] {RUN_A} {RUN_B}\n")
    assert re.search(r"^Arguments:\n  RUN_A  A run's folder", page, re.MULTILINE)
    assert "Usage: tickerml why [OPTIONS] [RUN]\n" in tickerml("why", "--help").out


def test_a_group_alone_shows_its_commands_and_its_purpose(tickerml):
    page = tickerml("journal").out
    assert headings(page) == ["Options", "Commands"]
    assert "save what a damaged one holds" in page


@pytest.mark.parametrize("wide", [60, 90, 112, 200])
def test_a_page_is_as_wide_as_the_screen_but_never_too_wide_to_read(tickerml, monkeypatch, wide):
    monkeypatch.setenv("COLUMNS", str(wide))
    page = tickerml("backtest", "--help").out.split("Examples:")[0]
    assert min(wide, 112) - 20 < max(map(len, page.splitlines())) <= min(wide, 112)


def test_words_stay_whole_on_a_narrow_screen(tickerml, monkeypatch):
    monkeypatch.setenv("COLUMNS", "45")
    assert {"manager.strategies,", "(trading.initial_balance).", "repeatable."} <= set(
        tickerml("backtest", "--help").out.split()
    )


def test_colours_follow_the_terminal_and_change_no_word(tickerml, monkeypatch):
    bare = tickerml("backtest", "--help").out
    assert "\x1b" not in bare
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = tickerml("backtest", "--help").out
    assert "\x1b[1mOptions:\x1b[0m" in painted
    assert "\x1b[36m-s, --strategy NAME\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == bare
    monkeypatch.setenv("NO_COLOR", "1")
    assert tickerml("backtest", "--help").out == bare
