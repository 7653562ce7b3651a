"""H3: closed trades as files, with every column that is named and every digit."""

import csv
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from tickerml.run.export import checked, export_trades
from tickerml.tape.errors import InputError
from tickerml.tape.rows import SECOND
from tickerml.views.story import Trade

START = 1_704_067_200 * SECOND
ONE = Trade(
    "BTC/USDT", 1, START + 7, START + 60 * SECOND, Decimal("64000.1"), Decimal("64100.25"), Decimal("0.0103"),
    Decimal("1.0315"), Decimal("1.3252"), Decimal("-0.01"), Decimal("-0.3037"), Decimal("659.2"), "stop", 0.004, 0.002,
    strategy="dca",
)  # fmt: skip
TWO = replace(ONE, side=-1, coin="SHIB/USDT", entry=Decimal("0.00000824"), mae=None, mfe=None, strategy="swing")
COLUMNS = [
    "entry_time", "exit_time", "pair", "direction", "strategy", "entry_price", "exit_price", "quantity", "fees",
    "funding", "pnl", "currency", "exit_reason", "mae", "mfe",
]  # fmt: skip


def test_h3_a_csv_file_has_every_digit(tmp_path):
    path = export_trades([ONE, TWO], "USDT", tmp_path / "new" / "t.csv")
    with path.open(encoding="utf-8") as file:
        one, two = csv.DictReader(file)
    assert list(one) == COLUMNS
    assert one["entry_time"] == "2024-01-01T00:00:00.000000007Z"
    assert (one["pair"], one["direction"], one["strategy"], one["exit_reason"]) == ("BTC/USDT", "long", "dca", "stop")
    assert (one["entry_price"], one["exit_price"], one["quantity"]) == ("64000.1", "64100.25", "0.0103")
    assert (one["fees"], one["funding"], one["pnl"], one["currency"]) == ("1.3252", "-0.01", "-0.3037", "USDT")
    assert (one["mae"], one["mfe"]) == ("0.004", "0.002")
    assert (two["direction"], two["entry_price"], two["mae"]) == ("short", "0.00000824", "")
    assert [p.name for p in path.parent.iterdir()] == ["t.csv"]


def test_h3_a_parquet_file_is_typed(tmp_path):
    frame = pl.read_parquet(export_trades([ONE, TWO], "USDT", tmp_path / "t.parquet"))
    assert frame.columns == COLUMNS
    assert frame["exit_time"].dtype == pl.Datetime("ns", "UTC")
    assert frame["entry_time"].dt.epoch("ns").to_list() == [START + 7, START + 7]
    assert frame["pnl"].to_list() == [Decimal("-0.3037")] * 2
    assert frame["entry_price"].to_list() == [Decimal("64000.1"), Decimal("0.00000824")]
    assert frame["mae"].to_list() == [0.004, None]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_h3_no_trade_is_a_file_without_rows(tmp_path, name):
    path = export_trades([], "USDT", tmp_path / name)
    frame = pl.read_csv(path) if name.endswith("csv") else pl.read_parquet(path)
    assert (frame.columns, len(frame)) == (COLUMNS, 0)


def test_h3_another_kind_of_file_is_refused_before_the_run(tmp_path):
    with pytest.raises(InputError) as told:
        checked(tmp_path / "t.xlsx")
    assert told.value.code == "export-kind"
    assert told.value.try_.endswith("t.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError) as told:
        checked(tmp_path / "folder.csv")
    assert told.value.code == "file-kind"


@pytest.mark.parametrize("place", ["/proc/x.csv", "/proc/new/x.csv", "n" * 300 + ".csv", "n" * 300 + "/t.csv"])
def test_a_place_that_cannot_be_written_is_told_before_a_run_begins(tmp_path, place):
    with pytest.raises(InputError, match=r"csv cannot be written: ") as told:
        checked(tmp_path / place)
    assert told.value.code == "file-permission"
    assert list(tmp_path.iterdir()) == []


def test_the_question_leaves_nothing_behind(tmp_path):
    for name in ("t.csv", "new/t.csv"):
        assert checked(tmp_path / name) == tmp_path / name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["t.csv", "new/t.csv"])
def test_a_file_in_the_way_of_its_folder_is_told_before_a_run_begins(tmp_path, below):
    (tmp_path / "afile").touch()
    with pytest.raises(InputError, match="afile is a file where a folder is needed") as told:
        checked(tmp_path / "afile" / below)
    assert told.value.code == "file-kind"
