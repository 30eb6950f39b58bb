"""What hooks gitreg into training frameworks, a module for each; none is loaded unless it is imported by name."""
