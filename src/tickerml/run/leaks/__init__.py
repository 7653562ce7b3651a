"""Whether a strategy looks ahead: its decisions where all it can reach ends now, against those with the whole."""
