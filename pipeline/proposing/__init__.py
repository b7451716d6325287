"""What 'pipeline new' finds out and proposes: the pictures, the machine, a recipe that suits both, and its time."""
