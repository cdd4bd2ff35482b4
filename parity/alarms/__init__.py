"""False alarms: correct variants of the port, which have to pass, and how often a gate is wrong."""
