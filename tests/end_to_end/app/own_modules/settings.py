whose = "the user's settings"
