"""The command line's groups, one a file. What is heavy is imported inside the commands: `--help` must be quick."""
