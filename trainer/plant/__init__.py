"""Faults planted to test whether checks detect them: shortcuts in the images, and shuffled labels."""
