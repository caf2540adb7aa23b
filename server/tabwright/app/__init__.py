"""What happens between the protocol and the pure features; knows no lsprotocol and no pygls."""
