"""`python -m tickerml` is `tickerml`."""

from tickerml.cli import main

main()
