"""Are rare galaxies found among 20,000 ordinary ones, by a network that was never told of them?"""
