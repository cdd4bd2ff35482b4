"""The tests that follow from specs: parity of every word, layer and model on every side."""
