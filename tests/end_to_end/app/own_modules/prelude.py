whose = "the user's prelude"
