"""gitreg: a model registry that lives inside Git."""
