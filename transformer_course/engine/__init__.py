"""The exercise engine: what an exercise is, how an answer is run and judged, where it is kept."""
