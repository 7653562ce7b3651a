import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from stories import COINS, START, idle, short_run, story

from tickerml.run.result import Run
from tickerml.tape.errors import RunError
from tickerml.tape.rows import DAY
from tickerml.views import chances, explore, notebook
from tickerml.views.charts.cards import cards
from tickerml.views.page import page
from tickerml.views.story import Curve, Layer, Leak

RUNS = {
    "many": story(81, twins=True),
    "short": short_run(),
    "few": short_run(7),
    "one": short_run(1),
    "idle": idle(),
    "large": story(2600, coins=COINS, days=400, cash=100_000, points=40_000),
}
PAGES = {name: page(run) for name, run in RUNS.items()}
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Checks nesting, gathers what tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.elements, self.ids = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    def count(self, tag):
        return sum(t == tag for t, _ in self.elements)


@pytest.fixture(params=PAGES)
def name(request):
    return request.param


def headings(text):
    return re.findall(r"<h2>(.*?)</h2>", text)


def test_it_is_one_well_formed_page(name):
    read = Reader(PAGES[name])
    assert read.count("h1") == 1
    assert len(set(read.ids)) == len(read.ids)
    assert ("html", {"lang": "en"}) in read.elements


def test_nothing_in_it_asks_for_anything_from_elsewhere(name):
    text = PAGES[name].replace('xmlns="http://www.w3.org/2000/svg"', "").replace('"http://www.w3.org/2000/svg"', "")
    assert "://" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=|@import|url\(|fetch\(|XMLHttp", text)


def test_no_text_is_wrong_or_empty(name):
    words = "\n".join(Reader(PAGES[name]).words)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|-0 %|-0\.0+ %|Decimal\(", words)
    for part in re.findall(r"<section>.*?</section>", PAGES[name], re.S):
        assert len(re.sub(r"<[^>]*>", "", part)) > 60, part[:200]
    assert not re.search(r"<(p|h3|figcaption|td|dd)></\1>", PAGES[name].replace('<td class="n"></td>', ""))


def test_budget(name):
    assert len(PAGES[name].encode()) <= 600_000


def test_chapters_are_questions_in_their_order():
    assert headings(PAGES["many"]) == [
        "Was it more than chance?",
        "Where did the money go?",
        "What did it trade?",
        "Why did it not trade?",
        "Is its confidence true?",
        "When and where?",
        "Can I trust the data?",
        "How do I get the same again?",
        "All figures, and what each one is",
    ]


def test_a_run_that_did_not_trade_answers_why_first():
    found = headings(PAGES["idle"])
    assert found[:2] == ["Why did it not trade?", "Was it more than chance?"]
    assert "What did it trade?" not in found
    assert "Where did the money go?" not in found


def test_a_made_up_market_says_so_in_title_banner_and_every_chart():
    text = PAGES["short"]
    assert "<title>SYNTHETIC: " in text
    first = re.search(r"<main>.*?</div>", text, re.S).group()
    assert "SYNTHETIC MARKET (calm, seed 7): shows that the program works, says nothing about profit" in first
    charts = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(charts) > 15
    assert all("SYNTHETIC MARKET" in chart for chart in charts)
    assert "SYNTHETIC" not in PAGES["many"]


def test_caveats_stay_on_the_page():
    run = RUNS["many"]
    health = replace(
        run.health,
        visibility="oracle",
        assumed_clock=True,
        bar_only=True,
        leak_check="look-ahead not checked: --no-leak-check",
        leaks=None,
    )
    text = page(replace(run, health=health, head=replace(run.head, mode="live", notes=("SuperP: simulation only.",))))
    for said in (
        "LIVE ORDERS",
        "Visibility: oracle",
        "Assumed clocks",
        "Bars only",
        "Look-ahead not checked: --no-leak-check.",
        "SuperP: ",
    ):
        assert said in text


def test_every_chart_is_named_and_described_and_drawn_for_both_widths():
    text = PAGES["many"]
    charts = re.findall(r"<svg[^>]*>", text)
    assert all('role="img"' in c and "aria-label=" in c for c in charts)
    assert text.count("<title>") - 1 == text.count("<desc>") == len(charts)
    assert sum('class="wide"' in c for c in charts) == sum('class="narrow"' in c for c in charts) > 5
    for c in charts:
        width = float(re.search(r'width="([\d.]+)"', c).group(1))
        assert width <= (380 if 'class="narrow"' in c else 960)


def test_texts_stay_inside_their_chart(name):
    """Measured with the widths of DejaVu Sans, wider than other system fonts: none is clipped at an edge."""
    from tickerml.views.charts.svg import text_width

    for chart in re.findall(r"<svg.*?</svg>", PAGES[name], re.S):
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', chart).group(1))
        for attributes, said in re.findall(r"<text ([^>]*)>([^<]*)</text>", chart):
            x = float(re.search(r'x="(-?[\d.]+)"', attributes).group(1))
            size = float((re.search(r'font-size="([\d.]+)"', attributes) or [0, "12"])[1])
            long = text_width(said.replace("&lt;", "<").replace("&amp;", "&"), size, bold="run-t" in attributes)
            left = x - (long if "end" in attributes else long / 2 if "middle" in attributes else 0)
            assert left >= -1, (said, left)
            assert left + long <= width + 1, (said, left + long, width)


def test_end_labels_do_not_touch():
    for chart in re.findall(r"<svg.*?</svg>", PAGES["many"], re.S):
        labels = r'<text x="[\d.]+" y="([\d.]+)" class="(?:run-t|mute)">(?:this|run|hold|chance)'
        ys = sorted(float(y) for y in re.findall(labels, chart))
        assert all(b - a >= 14 for a, b in itertools.pairwise(ys))


def test_the_same_run_gives_the_same_bytes_and_the_speed_is_not_in_it():
    assert page(story(81, twins=True)) == PAGES["many"]
    assert page(replace(RUNS["many"], seconds=99.0, report="elsewhere.html")) == PAGES["many"]


def test_user_text_cannot_become_markup():
    run = RUNS["short"]
    run = replace(run, head=replace(run.head, strategy="<script>alert(1)</script>", notes=("<b>note</b>",)))
    text = page(run)
    assert "<script>alert" not in text
    assert "<b>note" not in text


def test_little_data():
    assert "An interval is not shown: 7 trades, needs 10." in PAGES["few"]
    assert "not shown" in PAGES["few"]
    assert "needs 30 days" in PAGES["few"]
    assert "Are stops too near" not in PAGES["short"]  # 23 trades, needs 30
    assert "Are stops too near" in PAGES["many"]
    assert "needs 193 more" in PAGES["few"]
    assert 'class="band"' not in PAGES["few"]
    assert 'class="band"' in PAGES["many"]
    assert "Net by month" not in PAGES["short"]


def test_many_trades_are_drawn_in_part_and_it_says_so():
    assert "The 100 largest of " in PAGES["large"]
    assert len(cards(RUNS["large"])) == 6
    assert len(cards(RUNS["one"])) == 1


def test_a_layer_that_was_not_simulated_is_hatched():
    run = RUNS["many"]
    text = page(replace(run, waterfall=(*run.waterfall[:-1], Layer("rejects", None))))
    assert 'class="hatch"' in text
    assert "Hatched: not simulated (rejects)." in text


def test_a_run_without_waterfall_shows_the_account():
    text = page(replace(RUNS["many"], waterfall=()))
    assert "The layers of cost were not simulated for this run." in text
    assert "closed trades before fees and funding" in text


def test_growth_beyond_threefold_gets_a_logarithmic_axis():
    run = RUNS["many"]
    time_ = START + np.arange(100) * DAY
    grown = 10_000 * np.exp(np.linspace(0, 2, 100))
    text = page(replace(run, curve=Curve(time_, grown, grown, np.zeros(100)), twins=None))
    axis = re.search(r'data-axis="([^"]*)" data-unit="growth"', text).group(1)
    assert axis.endswith(",1")
    assert "+100 %" in text
    assert ",0" in re.search(r'data-axis="([^"]*)" data-unit="growth"', PAGES["many"]).group(1)


def test_gaps_in_the_data_are_gaps_in_the_line():
    run = RUNS["many"]
    middle = START + 100 * DAY
    broken = page(replace(run, health=replace(run.health, breaks=((middle, middle + 5 * DAY),))))
    line = r'<path d="([^"]*)" class="run"'
    assert re.search(line, PAGES["many"]).group(1).count("M") == 1
    assert re.search(line, broken).group(1).count("M") == 2


def test_explore_carries_plotly_and_stays_below_three_megabytes():
    pytest.importorskip("plotly", reason="plotly is not installed (extra `plot`)")
    text = page(RUNS["large"], explore=True)
    assert len(text.encode()) <= 3_000_000
    assert text == page(RUNS["large"], explore=True)
    lines = explore.coded(RUNS["large"])
    assert sum(len(line["time"]) for line in lines) <= explore.POINTS
    equity = next(line for line in lines if line["name"] == "equity")
    assert np.cumsum(equity["value"])[-1] / equity["scale"] == pytest.approx(float(RUNS["large"].curve.equity[-1]))
    assert len(explore.plot(RUNS["many"]).data) == 3


def test_explore_without_plotly_says_what_to_install(monkeypatch):
    monkeypatch.setattr(explore, "available", lambda: False)
    with pytest.raises(Exception, match="plotly, which is not installed") as caught:
        page(RUNS["few"], explore=True)
    assert caught.value.code == "extra-missing"


def test_the_notebook_form_survives_sanitizers(name):
    found = notebook.mimebundle(RUNS[name])
    html = found["text/html"]
    assert len(html.encode()) <= 60_000
    assert not re.search(r"<script|<style|<svg|\bid=|\bon\w+=|class=", html)
    assert found["text/plain"].count("\n") >= 3
    Reader(html)
    images = [attrs["src"] for tag, attrs in Reader(html).elements if tag == "img"]
    assert images
    assert all(src.startswith("data:image/svg+xml;base64,") for src in images)


def test_charts_that_travel_alone_bring_their_colours():
    import base64

    html = notebook.html(RUNS["short"])
    svg = base64.b64decode(re.search(r"base64,([^\"]*)", html).group(1)).decode()
    assert "var(--" not in svg
    assert "background:#fff" in svg
    assert "SYNTHETIC MARKET" in svg


def test_a_latency_that_took_nothing_is_explained():
    run, said = short_run(), "no order met another price within its latency"
    layers = tuple(replace(x, money=x.money * 0) if x.name == "latency" else x for x in run.waterfall)
    assert said in page(replace(run, waterfall=layers))
    assert said not in page(run)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder here that takes no files")
def test_a_page_that_cannot_be_written_is_not_called_missing():
    run = Run.__new__(Run)
    run.__dict__["story"] = short_run()
    with pytest.raises(RunError, match="cannot be written") as error:
        run.report(Path("/proc/x.html"))
    assert error.value.code == "file-permission"


def test_h3_the_run_stands_beside_what_chance_and_holding_give():
    text = PAGES["many"]
    run = RUNS["many"]
    twins, entries = chances.twins_chance(run), chances.random_entry(run)
    assert f"<td>{twins.as_good} of 300 null twins</td>" in text
    assert f"<td>{entries.chance.as_good:,} of 2,000 redraws</td>" in text
    assert f'<td class="n">{twins.p:.2g}</td>' in text
    assert "the same trades at random moments" in text
    few = PAGES["few"]
    assert "<td>not shown</td><td>7 trades, needs 10</td>" in few
    assert "<td>not shown</td><td>none were made</td>" in few


def test_h3_each_strategy_stands_with_its_intervals():
    run = RUNS["many"]
    trades = tuple(replace(t, strategy="dca" if n % 2 else "swing") for n, t in enumerate(run.trades))
    text = page(replace(run, trades=trades, head=replace(run.head, strategies=("dca", "swing", "psc"))))
    rows = re.search(r"<h3>Each strategy</h3>(.*?)</table>", text, re.S).group(1)
    assert re.findall(r'scope="row">(\w+)<', rows) == ["dca", "swing", "psc"]
    assert re.search(r">40</td><td class=\"n\">\d+ % \(\d+ to \d+\)</td>", rows)  # won, with its interval
    assert re.search(r">-?\d+\.\d \(-?[\d.]+ to -?[\d.]+\)</td>", rows)  # Sharpe, with its interval
    assert rows.count("-</td>") == 3  # won, payoff and Sharpe of the one that did not trade
    assert "Each strategy" not in PAGES["many"]  # one alone is the run


def test_h3_a_waterfall_whose_runs_traded_otherwise_says_so():
    run = RUNS["many"]
    layers = tuple(replace(x, trades=81 if n else 79) for n, x in enumerate(run.waterfall))
    said = "The re-runs did not make the same 81 trades (79)"
    assert said in page(replace(run, waterfall=layers))
    assert "costs took" not in page(replace(run, waterfall=layers))
    assert "costs took" in page(replace(run, waterfall=tuple(replace(x, trades=81) for x in run.waterfall)))


def test_h3_a_strategy_that_looks_ahead_is_told_above_all_figures():
    run = RUNS["many"]
    leak = Leak("mine", "signal", "2024-01-03T05:00:00Z", 12, "mine.py")
    health = replace(run.health, leak_check="LOOKS AHEAD: signal at mine.py:12", leaks=(leak,))
    head = page(replace(run, health=health)).partition("<h1>")[0]
    assert "LOOKS AHEAD: signal at mine.py:12." in head
    assert "ook" not in PAGES["many"].partition("<h1>")[0].partition("<header>")[2]
