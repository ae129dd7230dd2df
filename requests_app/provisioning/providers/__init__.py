"""Where studies live: the port, and a package for each provider behind it."""
