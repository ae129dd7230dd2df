"""Pages of operators: accesses, persons, organisations, extracts."""
