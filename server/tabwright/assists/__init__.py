"""The features, one file each, all pure: ``prepare`` a request, ``finish`` the answer."""
