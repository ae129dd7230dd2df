"""What notifications hear from the rooms below them (signals of `portal.accounts`)."""
