"""What an import refused is told by the run that was made on the rest, in its lines and in its JSON."""

from __future__ import annotations

import polars as pl

from small_runs import settings
from tickerml.run.paper import paper
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
