"""What would answer: latency, queue, matching, fees, funding, margin; and the synthetic market."""
