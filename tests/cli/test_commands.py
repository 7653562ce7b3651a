"""Each command: what it hands to the rooms, what it prints, and its one JSON object."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from tickerml.config import Config, load


def last_json(told):
    return json.loads(told.out.splitlines()[-1])


def runs(folder: Path, *names: str) -> None:
    for name in names:
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "run.json").write_text("{}")


def test_paper_needs_no_argument(tickerml, rooms):
    told = tickerml("paper")
    assert told.code == 0
    assert told.out.splitlines() == ["psc lost 31.42 USDT", "  net         -31.42 USDT"]
    opened, traded = rooms.calls
    assert opened[1] == ("synthetic:calm:7",)
    assert traded[1] == (["psc"], rooms.tape)
    given = traded[2]
    assert given["config"] == Config()
    assert (given["cash"], given["seed"], given["run_dir"], given["speed"]) == (None, 0, None, "max")


def test_paper_passes_on_what_is_typed(tickerml, rooms):
    told = tickerml(
        "paper", "--source", "synthetic:gap", "-s", "mine.py:Dip", "-p", "BTC/USDT,ETH/USDT", "-p", "SOL/USDT",
        "--timerange", "20240809-20240810", "--cash", "1_000.50", "--seed", "3", "--speed", "1x",
        "--run-dir", "here", "--param", "latency.entry_ms=50", "--param", "synthetic.seed=9", "--json",
    )  # fmt: skip
    assert told.code == 0
    assert last_json(told) == rooms.run.summary()
    assert len(told.out.splitlines()) == 1
    assert "psc lost 31.42 USDT" in told.err
    opened, traded = rooms.calls
    assert opened[1] == ("synthetic:gap:9",)
    assert opened[2]["pairs"] == traded[2]["pairs"] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    assert (opened[2]["minutes"], opened[2]["coins"]) == (Config().synthetic.minutes, None)
    assert opened[2]["timerange"] == (1723161600 * 10**9, 1723248000 * 10**9)
    given = traded[2]
    assert (given["cash"], given["seed"], given["speed"], given["run_dir"]) == (
        Decimal("1000.50"),
        3,
        "1x",
        Path("here"),
    )
    assert given["config"].latency.entry_ms == 50
    assert given["config"].trading.initial_balance == Decimal("1000.50")


@pytest.mark.parametrize("source", [r"C:\data\books", "binance:BTC/USDT:USDT", "./synthetic.gz", "/tmp/a b"])
def test_a_source_arrives_as_it_was_typed(tickerml, rooms, source):
    assert tickerml("backtest", "--source", source).code == 0
    assert rooms.calls[0][1] == (source,)


@pytest.mark.parametrize(("alias", "name"), [("backtesting", "backtest"), ("trade", "paper")])
def test_verbs_of_freqtrade_work(tickerml, rooms, alias, name):
    assert tickerml(alias, "-s", "psc").code == 0
    assert [call[0] for call in rooms.calls] == ["open_source", name]


def test_h3_a_backtest_takes_twins_and_writes_its_trades(tickerml, rooms):
    told = tickerml("backtest", "--twins", "7", "--export-trades", "t.csv")
    assert told.code == 0
    assert rooms.calls[-1][2]["twins"] == 7
    assert rooms.run.written == [Path("t.csv")]
    assert "wrote t.csv" in told.err
    tickerml("backtest")
    assert rooms.calls[-1][2]["twins"] is None  # by length
    for many in ("-1", "1000"):
        assert tickerml("backtest", "--twins", many).code == 2


def test_h3_trades_that_cannot_be_written_are_told_before_anything_runs(tickerml, rooms):
    told = tickerml("backtest", "--export-trades", "t.xlsx")
    assert told.code == 2
    assert "error[export-kind]: t.xlsx is neither a .csv nor a .parquet file" in told.err
    assert rooms.calls == []


def test_h3_a_report_makes_the_twins_that_are_missing(tickerml, rooms, tmp_path):
    runs(tmp_path, "8f3a21")
    assert tickerml("report", "8f3", "--twins", "99").code == 0
    assert [call[1][:2] for call in rooms.calls if call[0] == "add_twins"] == [(Path("runs/8f3a21"), 99)]
    rooms.calls.clear()
    assert tickerml("report", "8f3").code == 0
    assert "add_twins" not in [call[0] for call in rooms.calls]


def test_configuration_is_read_from_the_user_folder_and_from_options(tickerml, rooms, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("fees: {maker: 0.001}")
    (tmp_path / "b.yaml").write_text("fees: {taker: 0.002}")
    tickerml("paper", "--userdir", "mine")
    assert rooms.calls[-1][2]["config"].fees.maker == 0.001
    tickerml("paper", "--userdir", "mine", "-c", "b.yaml", "-c", "mine/config.yaml")
    assert rooms.calls[-1][2]["config"].fees == load(["b.yaml", "mine/config.yaml"], env={}).fees


def test_a_key_that_does_nothing_is_told_at_the_start(tickerml, rooms, tmp_path):
    (tmp_path / "c.yaml").write_text("model:\n  inference_mode: speed\n")
    for verb in ("paper", "backtest"):
        told = tickerml(verb, "-c", "c.yaml", "--json")
        assert told.code == 0
        assert "c.yaml:2 model.inference_mode does nothing: no model is served" in told.err


def test_a_bad_configuration_stops_before_anything_is_opened(tickerml, rooms, tmp_path):
    (tmp_path / "config.yaml").write_text("risk:\n  max_drawdwn: 0.1\n  stop_loss_default: 7\n")
    told = tickerml("paper", "-c", "config.yaml", "--json")
    assert told.code == 2
    assert rooms.calls == []
    assert told.err.splitlines() == [
        'error[config-key]: "max_drawdwn" is not a setting',
        "  --> config.yaml:2:3",
        "    2 |   max_drawdwn: 0.1",
        "      |   ^^^^^^^^^^^ did you mean max_drawdown? (number, 0.001 to 1, default 0.2)",
        "error[config-range]: risk.stop_loss_default is 7; it must be 0.0001 to 1 "
        "(not used yet; share of the entry price, by default)",
        "  --> config.yaml:3:22",
        "    3 |   stop_loss_default: 7",
        "      |                      ^",
        "  means: 2 problems, nothing was started",
    ]
    error = last_json(told)["error"]
    assert (error["code"], error["file"], error["line"], error["key"]) == (
        "config-key",
        "config.yaml",
        2,
        "risk.max_drawdwn",
    )
    assert [one["code"] for one in error["more"]] == ["config-range"]


def test_replay_is_exit_1_when_a_decision_differs(tickerml, rooms, tmp_path):
    runs(tmp_path, "8f3a21")
    told = tickerml("replay", "8f3", "--chunk", "7", "--json")
    assert told.code == 0
    assert last_json(told) == {
        "identical": True,
        "decisions": 18204,
        "fills": 14,
        "first_difference": None,
        "notes": [],
    }
    assert rooms.calls[-1][1] == (Path("runs/8f3a21"),)
    assert rooms.calls[-1][2]["chunk"] == 7
    rooms.identical = False
    told = tickerml("replay", "--json")
    assert told.code == 1
    assert last_json(told)["first_difference"] == {"row": 12, "recorded": "LONG", "computed": "PASS"}
    told = tickerml("replay")
    assert told.code == 1
    assert told.out == "8f3a21: the answer\nin words\n"


def test_runs_are_found_by_id_by_its_start_and_by_age(tickerml, rooms, tmp_path):
    told = tickerml("why")
    assert told.code == 2
    assert "error[run-missing]: there is no run in runs yet" in told.err
    runs(tmp_path, "8f3a21", "8f77aa")
    told = tickerml("why", "8f")
    assert told.code == 2
    assert "error[run-ambiguous]: 2 runs begin with 8f" in told.err
    assert tickerml("why", "8f7").code == 0
    assert rooms.calls[-1][1] == (Path("runs/8f77aa"),)
    assert tickerml("why", "runs/8f3a21").code == 0
    told = tickerml("why", "nine")
    assert told.code == 2
    assert "the newest in runs: 8f" in told.err


@pytest.mark.parametrize("command", [["why"], ["replay"], ["report"], ["debug", "--at", "12"]])
def test_the_newest_run_is_no_search_that_was_made_after_it(tickerml, rooms, tmp_path, command):
    runs(tmp_path, "8f3a21", "77c0d2")
    for age, name in enumerate(("walk-0f3a21", "sweep-8f3a21", "77c0d2", "8f3a21")):
        (tmp_path / "runs" / name).mkdir(exist_ok=True)
        os.utime(tmp_path / "runs" / name, (1e9 - age, 1e9 - age))
    assert tickerml(*command).code == 0
    paths = [path for _, args, _ in rooms.calls for path in args if isinstance(path, Path)]
    assert paths
    assert set(paths) == {Path("runs/77c0d2")}
    assert "there is no run nine\n  means: the newest in runs: 77c0d2, 8f3a21\n" in tickerml("why", "nine").err


def test_a_search_is_found_by_its_name(tickerml, tmp_path):
    (tmp_path / "runs" / "sweep-8f3a21").mkdir(parents=True)
    assert "error[run-missing]: there is no run in runs yet" in tickerml("why").err
    assert "error[not-a-run]: runs/sweep-8f3a21 is not a run" in tickerml("why", "sweep").err


@pytest.mark.parametrize("command", [["stop"], ["resume", "--reason", "read it"]])
def test_a_stop_without_a_name_is_for_the_newest_run_that_a_process_works_on(tickerml, tmp_path, monkeypatch, command):
    from tickerml.run import commands

    runs(tmp_path, "over", "newest", "older", "oldest", "again")
    for age, name in enumerate(("over", "again", "newest", "older", "oldest")):
        os.utime(tmp_path / "runs" / name, (1e9 - age, 1e9 - age))
    (tmp_path / "runs" / "again" / "run.json").write_text('{"rows": 5}')  # has ended, and is only computed again
    asked, alive = [], {"again": 9, "older": 7, "oldest": 8}
    monkeypatch.setattr(commands, "holder", lambda folder: alive.get(folder.name, 0))
    monkeypatch.setattr(commands, "ask", lambda folder, _: asked.append(folder) or folder / "command.json")
    assert tickerml(*command, "--json").code == 0
    assert asked == [Path("runs/older")]
    alive.clear()
    told = tickerml(*command)
    assert told.code == 2
    assert "error[nothing-runs]: no process works on a run in runs" in told.err
    assert tickerml(*command, "newest").code == 0
    assert asked[1:] == [Path("runs/newest")]


def test_why_and_report(tickerml, rooms, tmp_path):
    runs(tmp_path, "8f3a21")
    assert tickerml("why", "-p", "SHIB/USDT").out == "29,817 passes ['SHIB/USDT']\n"
    assert last_json(tickerml("why", "--json")) == {"passes": 29817, "asked": None}
    told = tickerml("why", "-p", "XX/YY")
    assert told.code == 2
    assert "error[unknown-instrument]: XX/YY is not in this run; it has BTC/USDT" in told.err
    told = tickerml("report", "--out", "r.html", "--json")
    assert rooms.run.written == [Path("r.html")]
    assert last_json(told) == {"run": "8f3a21", "report": "r.html"}


def test_data_commands(tickerml, rooms):
    told = tickerml("data", "import", "a.gz", "b.gz", "--store", "s", "--format", "binance-raw", "--json")
    assert last_json(told) == {"rows": 5, "instruments": ["BTC/USDT"], "problems": {"not-json": 2}}
    name, args, kwargs = rooms.calls[-1]
    assert (name, args, kwargs["fmt"]) == ("import_paths", ([Path("a.gz"), Path("b.gz")], Path("s")), "binance-raw")
    told = tickerml("data", "import", "a.gz")
    assert "warning[not-json]: 2 x   (tickerml explain not-json)\n  --> a.gz:7 {\n  --> and more" in told.out
    assert "  --> a.gz:9 }" in tickerml("data", "import", "a.gz", "-v").out
    tickerml("data", "import", "a.csv", "--symbol", "BTC/USDT", "--tick", "0.01", "-i", "5m")
    told_to = rooms.calls[-1][2]["options"]
    assert (told_to.symbol, told_to.tick, told_to.lot, told_to.timeframe) == (
        "BTC/USDT",
        Decimal("0.01"),
        None,
        300 * 10**9,
    )
    told = tickerml("data", "list", "--store", "s")
    assert told.out.splitlines() == ["symbol    venue      rows", "BTC/USDT  binance  12,345"]
    told = tickerml("data", "check", "s")
    assert "3 of 3" in told.out
    assert max(map(len, told.out.splitlines())) <= 110
    checked = last_json(tickerml("data", "check", "s", "--json"))["instruments"][0]
    assert (checked["gaps"], checked["top_of_book"]) == (1, {"compared": 3, "matched": 3})
    assert "top_of_book_late" not in checked
    assert last_json(tickerml("data", "check", "s", "--json"))["problems"] == {"missing-bar": 600}
    assert told.out.splitlines()[0] == "1 gap; missing bar 600 (left out at import)   (12,345 rows)"
    assert tickerml("list-data").code == 0


def test_synth_writes_a_store_and_says_what_it_is(tickerml, rooms):
    told = tickerml("synth", "flash-crash", "--seed", "3", "--store", "s")
    assert rooms.calls[-1][1] == (["synthetic:flash-crash:3"], Path("s"))
    assert rooms.calls[-1][2]["minutes"] == Config().synthetic.minutes
    tickerml("synth", "--minutes", "5", "--coins", "BTC,TON")
    assert (rooms.calls[-1][2]["minutes"], rooms.calls[-1][2]["coins"]) == (5, ("BTC", "TON"))
    assert "SYNTHETIC MARKET" in told.out
    assert "an ordinary day" in tickerml("synth", "--list").out


def test_the_synthetic_warning_is_of_a_market_that_exists(tickerml, rooms):
    assert "SYNTHETIC MARKET (calm, seed 7)" in tickerml("paper").err
    assert "SYNTHETIC MARKET (calm, seed 3)" in tickerml("paper", "--source", "synthetic:calm:3").err
    assert "SYNTHETIC MARKET (calm, seed 9)" in tickerml("paper", "--source", "synthetic:9").err
    for spec, code in (("nosuch", "scenario"), ("calm:x", "seed"), ("calm:7:8", "seed"), ("calm:-1", "seed")):
        told = tickerml("paper", "--source", f"synthetic:{spec}")
        assert told.code == 2
        assert told.err.startswith(f"error[{code}]: ")


def test_stores_with_spaces_can_be_pasted_from_the_next_line(tickerml, rooms):
    assert "tickerml paper --source 'my store'" in tickerml("synth", "--store", "my store").out
    assert "tickerml data check 'my store'" in tickerml("data", "import", "x", "--store", "my store").out


def test_new_config_writes_the_defaults_once(tickerml, tmp_path):
    told = tickerml("new", "config", "--out", "config.yaml", "--json")
    assert told.code == 0
    assert last_json(told) == {"config": "config.yaml", "schema": "config.schema.json"}
    assert load([tmp_path / "config.yaml"], env={}) == Config()
    assert json.loads((tmp_path / "config.schema.json").read_text())["properties"]["risk"]
    (tmp_path / "config.yaml").write_text("mine")
    told = tickerml("new", "config", "--out", "config.yaml")
    assert told.code == 2
    assert "error[file-exists]: config.yaml is there already" in told.err
    assert (tmp_path / "config.yaml").read_text() == "mine"
    assert tickerml("new", "config", "--out", "config.yaml", "--force").code == 0
    assert tickerml("new", "config").out.startswith("wrote user_data/config.yaml")


def test_debug_turns_the_compiler_off_first(tickerml, rooms, tmp_path, monkeypatch):
    runs(tmp_path, "8f3a21")
    assert tickerml("debug", "8f3a21", "--at", "12").code == 0
    assert rooms.calls[-1][1] == (Path("runs/8f3a21"), 12)
    assert os.environ["NUMBA_DISABLE_JIT"] == "1"


def test_warmup(tickerml, rooms):
    assert last_json(tickerml("warmup", "--json")) == {"warm": True}


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--timerange", "-"], "timerange"),
        (["--timerange", "20240201-20240101"], "timerange"),
        (["--timerange", "20241301-"], "timerange"),
        (["--cash", "much"], "amount"),
        (["--cash", "-5"], "amount"),
        (["--cash", "nan"], "amount"),
        (["-i", "5 minutes"], "timeframe"),
        (["--param", "latency"], "param"),
        (["--param", "latency.entri_ms=5"], "config-key"),
        (["-c", "none.yaml"], "config-file"),
    ],
)
def test_options_that_mean_nothing_are_named(tickerml, rooms, argv, code):
    told = tickerml("paper", *argv)
    assert told.code == 2
    assert told.err.splitlines()[-4:][0].startswith("error[") or f"error[{code}]" in told.err
    assert f"error[{code}]" in told.err


def written(folder: Path) -> Path:
    """A small journal, closed."""
    import numpy as np

    from tickerml.tape.block import Block
    from tickerml.tape.journal import Journal, Sync
    from tickerml.tape.rows import empty

    runs(folder, "8f3a21")
    path = folder / "runs" / "8f3a21" / "journal"
    with Journal.create(path, "8f3a21") as journal:
        rows = empty(3)
        rows["recv"] = np.arange(3)
        journal.append(Block(rows), Sync.FACT)
    return path


def test_a_journal_is_verified_and_a_damaged_one_salvaged(tickerml, tmp_path):
    path = written(tmp_path)
    told = tickerml("journal", "verify", "--json")
    assert told.code == 0
    assert (last_json(told)["verdict"], last_json(told)["rows"]) == ("sound", 3)
    (segment,) = [p for p in path.iterdir() if p.is_file() and p.stat().st_size > 4096][:1]
    held = bytearray(segment.read_bytes())
    held[4096 + 40] ^= 1
    segment.write_bytes(held)
    told = tickerml("journal", "verify")
    assert told.code == 1
    assert "damaged, 0 rows in 1 segment\n" in told.out
    assert "nothing that was synced is missing" not in told.out  # which is what is not known of a damaged one
    told = tickerml("journal", "salvage", "--out", "saved")
    assert told.code == 0
    assert "the damage: " in told.out
    assert segment.read_bytes() == held


def test_compare_finds_both_runs_and_takes_a_span(tickerml, rooms, tmp_path):
    runs(tmp_path, "8f3a21", "77c0d2")
    told = tickerml("compare", "8f3", "77c0d2", "--within", "30s", "--json")
    assert told.code == 0
    assert last_json(told)["identical"] is True
    opened = [call[1] for call in rooms.calls if call[0] == "open_run"]
    assert opened == [(Path("runs/8f3a21"),), (Path("runs/77c0d2"),)]
    assert rooms.calls[-1][0] == "compare"
    assert rooms.calls[-1][2]["within"] == 30 * 10**9


def test_compare_wants_two_runs(tickerml, rooms, tmp_path):
    runs(tmp_path, "8f3a21")
    assert tickerml("compare", "8f3a21").code == 2
    assert tickerml("compare", "8f3a21", "none").code == 2
    assert tickerml("compare", "8f3a21", "8f3a21", "--within", "soon").code == 2


def test_feasible_hands_over_what_is_typed(tickerml, rooms):
    told = tickerml("feasible", "--cash", "500", "-s", "dca", "-p", "BTC/USDT,ETH/USDT", "--json")
    assert told.code == 0
    assert last_json(told) == {"rules": []}
    name, args, given = rooms.calls[-1]
    assert (name, args[0], given["cash"], given["pairs"]) == ("feasible", ["dca"], 500, ["BTC/USDT", "ETH/USDT"])
    assert tickerml("feasible").code == 2
    tickerml("feasible", "--cash", "500")
    assert rooms.calls[-1][1][0] == ["psc"]
    tickerml("feasible", "--cash", "500", "--param", "manager.strategies=[dca, swing]")
    assert rooms.calls[-1][1][0] == ["dca", "swing"]
