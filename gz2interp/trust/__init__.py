"""How far a network, and what is said about it, can be trusted."""
