"""Looking a repository over: `fsck` for what is recorded in it, `doctor` for the set-up and what was left behind."""
