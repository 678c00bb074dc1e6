"""`gatepost demo`: the main job, shown end to end on this machine with a stand-in for the outside world."""
