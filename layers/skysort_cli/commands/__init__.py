"""One module a command, imported only when that command runs: `run(options)` does the work."""
