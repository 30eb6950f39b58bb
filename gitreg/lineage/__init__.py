"""The graph of runs and versions, and its renderings."""
