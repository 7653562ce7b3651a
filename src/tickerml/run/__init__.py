"""The modes: how sources, the engine, the journal and the views are put together for backtest, paper, replay, debug."""
