"""Pure codecs of everything gitreg writes; FORMAT.md beside this file decides. No I/O, no git, no dvc."""
