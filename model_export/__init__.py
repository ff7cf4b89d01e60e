"""Data -> train -> evaluate -> export -> card: one package a model, one command line for all."""
