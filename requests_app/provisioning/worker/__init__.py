"""The reconciler and its steps: what the worker that holds the provider’s keys does, alone."""
