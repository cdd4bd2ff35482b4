// All of the library is in scope already.
