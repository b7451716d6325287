"""How a network is trained and run on images; ``loop`` is where to begin."""
