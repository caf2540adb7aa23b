"""Does a candidate parse, are its names bound, is anything in it risky?"""
