"""Uploads into the drop folder: names that are safe as keys (names), and a signed way in for each file (offer)."""
