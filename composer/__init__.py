"""The music itself: what a score is, how it is read, judged, arranged, written and heard. Knows no learner."""
