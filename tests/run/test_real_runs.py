"""G1: paper on real recordings, to its report; and every one of them replays."""

from __future__ import annotations

import shutil
from functools import cache

import pytest

from small_runs import settings, shortened
from tickerml.run.backtest import backtest
from tickerml.run.paper import paper
from tickerml.run.replay import replay
from tickerml.run.sources import open_source
from tickerml.tape.rows import Kind
from tickerml.tape.store import write_store

pytestmark = [pytest.mark.real, pytest.mark.slow]

JANUARY = ("TON", "DOGE", "1000PEPE", "1000SHIB")
SOURCES = {
    "books": ("l2/binance_raw_20240808/usdm", "candles/binance_spot_5m_2024/TONUSDT.parquet"),
    "spot": ("l2/binance_raw_20240808/spot", "candles/binance_spot_5m_2024/TONUSDT.parquet"),
    "nexo": ("l2/binance_spot_nexousdt",),
    "bars": tuple(f"candles/binance_perp_1m_202601/{coin}USDT.parquet" for coin in JANUARY),
}
CONSTANT_TON = {"psc_integration": {"ton_price": "6.5"}, "ml_microstructure": {"trading_coins": []}}
SETTINGS = {"nexo": CONSTANT_TON}


@pytest.fixture(scope="module")
def folder_of(real_data, tmp_path_factory):
    """One folder with links to the files of a source: a folder is one SOURCE, merged."""

    @cache
    def made(name):
        root = tmp_path_factory.mktemp(name)
        for path in SOURCES[name]:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            for file in [real_data / path] if (real_data / path).is_file() else sorted((real_data / path).iterdir()):
                target = root / path if (real_data / path).is_file() else root / path / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                link(file, target)
        return root

    return made


def link(file, target):
    try:
        target.symlink_to(file)
    except OSError:  # a platform or account that may not make links
        shutil.copy(file, target)


def config_of(name):
    return settings(**SETTINGS.get(name, {}))


def is_whole(run):
    page = (run.path / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert len(page) < 600_000
    assert run.manifest["decisions"] > 100
    assert (run.path / "summary.json").is_file()


@pytest.mark.parametrize(("name", "superp"), [*((name, False) for name in SOURCES), ("books", True), ("nexo", True)])
def test_paper_runs_to_its_report_and_replays(name, superp, folder_of, tmp_path):
    root = folder_of(name)
    config = settings(**{**SETTINGS.get(name, {}), "superp": {"enabled": superp}})
    run = paper("psc", open_source(str(root)), config=config, run_dir=tmp_path / "run", source={"spec": str(root)})
    is_whole(run)
    for chunk in (7, None):
        answer = replay(run.path, chunk=chunk)
        assert answer.identical, answer.lines()
        assert answer.decisions == run.manifest["decisions"]
    assert run.manifest["counts"]["pass"] > 100


@pytest.mark.parametrize("name", list(SOURCES))
def test_row_by_row_it_is_the_same(name, folder_of, tmp_path):
    tape = shortened(open_source(str(folder_of(name))), 60_000)
    write_store(tape, tmp_path / "store")
    source = {"spec": str(tmp_path / "store")}
    stored = open_source(source["spec"])
    run = backtest("psc", stored, config=config_of(name), run_dir=tmp_path / "run", source=source)
    for chunk in (1, 7, None):
        answer = replay(run.path, chunk=chunk)
        assert answer.identical, answer.lines()


@pytest.mark.parametrize("name", ["books", "spot", "nexo"])
def test_the_quoter_on_real_books(name, folder_of, tmp_path):
    root = folder_of(name)
    run = backtest(
        "quoter", open_source(str(root)), config=settings(), run_dir=tmp_path / "run", source={"spec": str(root)}
    )
    assert run.manifest["counts"].get(Kind.FILL.name.lower(), 0) > 0
    for chunk in (7, None):
        answer = replay(run.path, chunk=chunk)
        assert answer.identical, answer.lines()
