"""What a layer's channels, groups and places say of a survey's galaxies (`finding`), and of one of them (`galaxy`).

What has been kept is read by `kept`, without a network.
"""
