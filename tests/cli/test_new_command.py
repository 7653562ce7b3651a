"""`tickerml new strategy`: what it says, and what it refuses."""

import json


def test_it_says_what_to_type_next(tickerml, tmp_path):
    told = tickerml("new", "strategy", "my_dip", "--json")
    assert told.code == 0
    found = json.loads(told.out)
    assert (tmp_path / found["strategy"]).is_file()
    assert (tmp_path / found["test"]).is_file()
    lines = tickerml("new", "strategy", "other", "--out", "here").out.splitlines()
    assert lines[0] == "wrote here/other.py and here/test_other.py"
    assert lines[1:4] == ["next:", "  python here/test_other.py", "  tickerml backtest -s here/other.py"]


def test_what_is_there_stays(tickerml):
    tickerml("new", "strategy", "my_dip")
    told = tickerml("new", "strategy", "my_dip")
    assert told.code == 2
    assert "error[file-exists]" in told.err
    assert "error[strategy-name]" in tickerml("new", "strategy", "My-Dip").err
