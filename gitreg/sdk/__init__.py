"""What `import gitreg` offers."""
