"""What a layer's channels, groups and places say, and what they do for a score. Arrays in, frozen records out."""
