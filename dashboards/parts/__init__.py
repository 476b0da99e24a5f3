"""The parts of the screens; each shows loaded results."""
