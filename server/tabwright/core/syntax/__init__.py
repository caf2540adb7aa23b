"""The structure of code: functions, comments, blocks, names, headers."""
