"""Workers under a lab's scheduler: each module writes what one scheduler takes, to be read before it runs."""
