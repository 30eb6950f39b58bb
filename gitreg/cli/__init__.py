"""The command line: the only place that reads the environment, prints and sets exit codes."""
