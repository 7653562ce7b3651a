"""What we hold: position, margin, fee, funding and profit arithmetic, pure; the one copy of it."""
