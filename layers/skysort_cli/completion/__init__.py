"""Completion scripts of the command line; they are whole, so that completing a word starts no Python."""
