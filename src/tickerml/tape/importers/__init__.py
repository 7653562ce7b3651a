"""Readers of archive files: each turns one file format into a tape. Wire formats are parsed in `venues`."""
