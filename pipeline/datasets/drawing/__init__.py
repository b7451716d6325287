"""How birdlets are drawn: a canvas, a scene, birds in it, and the camera that takes the picture."""
