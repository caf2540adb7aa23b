"""Does a candidate parse, resolve its names, lint clean and pass its own examples?"""
