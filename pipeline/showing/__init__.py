"""The page of 'pipeline show': what it takes, what it refuses, what it says of a picture."""
