"""Loaders of the full public sets, for machines that reach them."""
