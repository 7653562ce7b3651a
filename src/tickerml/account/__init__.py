"""What we hold: position, margin, fee, funding and profit arithmetic, pure; one copy for sim, desk, ledger and views."""
