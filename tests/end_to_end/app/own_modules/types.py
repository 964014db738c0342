whose = "the user's types"
