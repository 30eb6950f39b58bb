"""Collections, versions, links, aliases and runs over git and data."""
