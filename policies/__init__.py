"""Pure rules: facts in, verdict out. Standard library only; no clock, no I/O."""
