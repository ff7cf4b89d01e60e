"""Checks of a new version of a function: reference samples before it takes over, its alarm after."""
