"""Golden cases: results taken once and kept, to be reproduced ever after."""
