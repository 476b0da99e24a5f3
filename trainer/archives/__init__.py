"""Access to archives: limits, retries, sessions and caches."""
