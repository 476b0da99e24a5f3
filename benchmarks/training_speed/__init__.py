"""How fast a network is taught, from how little memory, and how soon it is good."""
