"""What we may do: intents in, approved orders or refusals out. Nothing else in the program may approve an order."""
