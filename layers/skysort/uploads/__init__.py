"""Uploads into the drop folder: names that are safe as keys, requests, presigned answers."""
