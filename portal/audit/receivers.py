"""What the log hears from the rooms below it (signals of `portal.accounts`)."""
