"""The command line `skysort`: commands in skysort_cli.commands, one module each."""
