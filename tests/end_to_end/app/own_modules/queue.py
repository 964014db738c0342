whose = "the user's queue"
