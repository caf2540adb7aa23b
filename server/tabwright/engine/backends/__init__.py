"""What can compute, each behind the same small interface and imported only when used."""
