"""What is unusual: scores for galaxies of the survey and for others, by rank as one, and taught by ratings."""
