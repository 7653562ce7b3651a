"""H3: Prometheus metrics of a paper run: their format, what they tell, where they listen, and never unasked."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

import pytest

from small_runs import eager, market
from tickerml.run import paper as paper_module
from tickerml.run.paper import paper
from tickerml.run.publish import FILE, HOST, publishing
from tickerml.tape.errors import ConfigError
from tickerml.views.live_state import Counted, LiveState
from tickerml.views.prometheus import exposition

NAME = r"tickerml_[a-z_]+"
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)")


def parsed(text):
    """(name, labels) -> value; asserts the format line by line: HELP, TYPE, then the samples of that metric alone."""
    assert text.endswith("\n")
    found, current, kinds = {}, None, {}
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert re.fullmatch(NAME, current)
            assert current not in kinds, f"{current} stands twice"
            kind = re.fullmatch(rf"# TYPE {current} (counter|gauge)", next(lines))
            assert kind, f"no TYPE behind HELP of {current}"
            kinds[current] = kind[1]
            assert current.endswith("_total") == (kind[1] == "counter")
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1] == current
        key = sample[1].removeprefix("tickerml_"), sample[2] or ""
        assert key not in found, f"{key} stands twice"
        found[key] = float(sample[3].replace("Inf", "inf"))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return paper("psc", market(), config=eager(), run_dir=tmp_path_factory.mktemp("paper") / "run", metrics=0)


def test_h3_the_file_tells_what_the_run_came_to(run):
    told, story = parsed((run.path / FILE).read_text(encoding="utf-8")), run.story
    decisions = story.decisions
    assert told["rows_total", ""] == run.manifest["rows"] > 0
    assert told["decisions_total", 'kind="signal"'] == decisions.signals > 0
    assert told["decisions_total", 'kind="pass"'] == sum(c.n for c in decisions.passes)
    assert told["refused_total", ""] == sum(c.n for c in decisions.refusals)
    for name in ("orders", "fills", "rejects"):
        assert told[f"{name}_total", ""] == getattr(decisions, name)
    assert told["venue_messages_total", ""] >= decisions.orders > 0
    assert told["trades_total", 'strategy="psc"'] == len(story.trades) > 0
    assert told["trades_won_total", 'strategy="psc"'] == sum(t.pnl > 0 for t in story.trades)
    assert told["equity", 'currency="USDT"'] == pytest.approx(float(story.final_equity))
    assert 0 < told["day_loss_ratio", ""] <= told["drawdown_ratio", ""] < 0.2
    assert told["killed", ""] == told["positions_open", ""] == 0
    assert told["tape_time_seconds", ""] == pytest.approx(story.head.end / 1e9, abs=60)
    assert told["journal_bytes", ""] > 1000


def test_h3_no_setting_is_told_but_the_names_of_the_run(run):
    labels = set(re.findall(r'([a-z_]+)="', (run.path / FILE).read_text(encoding="utf-8")))
    assert labels <= {"run", "mode", "strategy", "synthetic", "kind", "code", "currency"}


def test_h3_nothing_listens_and_nothing_is_written_unasked(tmp_path, monkeypatch):
    monkeypatch.setattr(paper_module, "publishing", None)  # whoever served would fail
    assert not (paper("psc", market(), config=eager(), run_dir=tmp_path / "run").path / FILE).exists()


def state(**more):
    given = {"mode": "paper", "strategy": 'a "b"\\c\nd', "coins": 1, "run": "r", "time": 5 * 10**9, "currency": "USDT"}
    return LiveState(**given | {"start_equity": Decimal(100), "equity": Decimal("99.5")} | more)


def test_h3_labels_are_escaped_and_times_are_seconds():
    told = parsed(exposition(state(counted=Counted(killed=True, trades={"x": (3, 2)})), now=8 * 10**9, journal_bytes=7))
    assert told["run_info", r'run="r",mode="paper",strategy="a \"b\"\\c\nd",synthetic=""'] == 1
    assert (told["tape_time_seconds", ""], told["tape_lag_seconds", ""], told["journal_bytes", ""]) == (5, 3, 7)
    assert (told["killed", ""], told["equity", 'currency="USDT"']) == (1, 99.5)
    assert (told["trades_total", 'strategy="x"'], told["trades_won_total", 'strategy="x"']) == (3, 2)


class Noted:
    """A watcher that keeps what it is told."""

    stop, due = False, True

    def __init__(self):
        self.notes, self.states = [], []

    def note(self, text, level="INFO", source="", at=None):
        self.notes.append(text)

    def show(self, told):
        self.states.append(told)


def test_h3_a_scrape_gets_the_newest_state_and_the_port_is_free_again(tmp_path: Path):
    watcher = Noted()
    with publishing(tmp_path, 0, watcher) as published:
        address = re.search(r"http://\S+", watcher.notes[0])[0]
        assert address.startswith(f"http://{HOST}:")
        assert urllib.request.urlopen(address).read().startswith(b"# ")  # before the first state
        for rows in (10, 20):
            published.show(state(rows=rows))
        with urllib.request.urlopen(address) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = answer.read().decode()
        assert parsed(text)["rows_total", ""] == 20
        assert (tmp_path / FILE).read_text(encoding="utf-8") == text
        assert [one.rows for one in watcher.states] == [10, 20]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address.replace("/metrics", "/"))
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address)


def test_h3_a_port_in_use_is_told_before_anything_is_run(tmp_path):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{HOST}:{port}") as told:
            paper("psc", market(), config=eager(), run_dir=tmp_path / "run", metrics=port)
    assert told.value.code == "metrics-port"
    assert not (tmp_path / "run").exists()
