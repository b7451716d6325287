"""One reader a source of pictures; ``sources`` lists them."""
