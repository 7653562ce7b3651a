"""What an import refused, or took for something, is told by the run that was made on it."""

from __future__ import annotations

import polars as pl
import pytest

from small_runs import settings
from tickerml.cli.app import run as run_command
from tickerml.run.paper import paper
from tickerml.run.result import open_run
from tickerml.run.sources import check, open_source

START = 1_704_067_200_000  # ms


def bars(path, n=60):
    date = pl.Series([START + 60_000 * k for k in range(n)], dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
    prices = {name: [100.0 + k for k in range(n)] for name in ("open", "high", "low", "close")}
    pl.DataFrame({"date": date, **prices, "volume": [1.0] * n}).write_parquet(path)


def test_a_run_tells_which_files_and_rows_it_was_made_without(tmp_path):
    folder = tmp_path / "bars"
    folder.mkdir()
    bars(folder / "ADAUSDT.parquet")
    whole = (folder / "ADAUSDT.parquet").read_bytes()
    (folder / "BTCUSDT.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "ETHUSDT.csv").write_text(
        "date,open,high,low,close,volume\n"
        + "".join(f"{START + 60_000 * k},{1 + k},{'x' if k == 7 else 1 + k},{1 + k},{1 + k},1\n" for k in range(60))
    )
    (folder / "SOLUSDT.parquet").symlink_to("nope")
    tape = open_source(str(folder))
    run = paper("dca", tape, config=settings(), run_dir=tmp_path / "run", ledger=False)
    problems = {"file-truncated": 1, "file-unreadable": 1, "missing-bar": 1, "not-a-number": 1}
    assert dict(tape.header.problems) == problems
    assert run.summary()["problems"] == problems
    assert "  at import   file truncated 1, file unreadable 1, missing bar 1, not a number 1" in run.lines()
    assert {one["symbol"] for one in check(tape)["instruments"]} == {"ADA/USDT", "ETH/USDT"}
    (folder / "SOLUSDT.parquet").unlink()
    bars(folder / "SOLUSDT.parquet")
    assert "SOL/USDT" in {i.symbol for i in open_source(str(folder)).header.instruments}


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("binance_usdm", "binance-usdm"),
        ("Binance-USDM", "binance-usdm"),
        ("binanceusdm", "binance-usdm"),
        ("bybt", "bybit"),
        ("krakenfutures", "kraken-futures"),
        ("my venue", ""),
        ("../x", ""),
    ],
)
def test_a_slip_in_a_venue_is_refused_it_would_make_perpetuals_spot(named, meant, tmp_path, capsys):
    bars(tmp_path / "ETHUSDT.parquet")
    words = ["--source", str(tmp_path / "ETHUSDT.parquet"), "--venue", named, "--run-dir", str(tmp_path / "run")]
    for command in (["backtest", "-s", "dca"], ["paper", "-s", "dca"]):
        assert run_command([*command, *words]) == 2
        told = capsys.readouterr().err
        assert f'error[unknown-venue]: "{named}" is no venue' in told
        assert f"did you mean {meant}?" in told if meant else "known here" in told
        assert "known are binance, bybit" in " ".join(told.split())
    assert not (tmp_path / "run").exists()
    assert run_command(["data", "import", str(tmp_path), "--venue", named, "--store", str(tmp_path / "s")]) == 2
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("venue", "warned", "symbol"),
    [
        ("", "perpetuals: --venue binance-usdm", "ETH/USDT"),
        ("deribit", "perpetuals: --venue deribit-perp (deribit is not a name known here)", "ETH/USDT"),
        ("binance", "", "ETH/USDT"),
        ("binance-us", "perpetuals: --venue", "ETH/USDT"),
        ("bybit", "", "ETH/USDT"),
        ("okx-swap", "", "ETH/USDT:USDT"),
        ("deribit-perp", "", "ETH/USDT:USDT"),
    ],
)
def test_a_market_that_nothing_known_says_is_spot_is_warned_of(venue, warned, symbol, tmp_path, monkeypatch, capsys):
    """The archives of any exchange can be read; what a name that is not known means for shorts is said."""
    monkeypatch.chdir(tmp_path)
    bars(tmp_path / "ETHUSDT.parquet")
    words = ["backtest", "-s", "dca", "--no-leak-check", "--source", "ETHUSDT.parquet", "--run-dir", "run"]
    assert run_command([*words, "--venue", venue] if venue else words) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert ("read as a spot market" in said) == bool(warned)
    assert warned in said
    assert open_run("run").tape.header.instruments[0].symbol == symbol
