"""Bytes: DVC's cache and remotes. The only place that imports dvc."""
