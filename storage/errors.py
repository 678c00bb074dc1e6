"""What storage refuses."""


class StorageError(Exception):
    """The base of what this folder raises."""


class Conflict(StorageError):
    """A constraint refused the row: unique, foreign key, check."""


class Unavailable(StorageError):
    """The database cannot serve just now (locked, full, gone). Trying again later is right."""


class Damaged(Unavailable):
    """A stored mail is not what was stored once: until somebody restores it, it cannot be read or sent."""


class Missing(Unavailable):
    """A stored mail is not there any more, although the place where such mail is kept is."""


class Unfit(StorageError):
    """The database is not one this program can work with; the sentence says what to do."""
