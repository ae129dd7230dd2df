"""The committee’s opinion as a numbered document."""
