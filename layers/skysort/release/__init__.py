"""Whether a new version of a function may take over: reference samples before, its alarm after."""
