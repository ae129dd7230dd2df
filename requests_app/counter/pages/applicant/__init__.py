"""Pages of whoever asks: selection, orientation, draft, signature, team, own accesses."""
