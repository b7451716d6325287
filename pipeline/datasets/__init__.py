"""One reader a source of pictures; ``sources`` knows them all."""
