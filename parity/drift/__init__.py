"""Where two models part: traces, hybrids, and the search for what did it."""
