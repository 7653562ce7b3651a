"""What does answer: one folder a venue (codec, session, instruments), and readers of what recorders wrote."""
