"""Binance: spot, USD-M and COIN-M futures share one wire dialect."""
