"""What is asked of a trained network and what it answers: sources of pictures, rows, drawings."""
