"""The bytes of photos and files: kept beside the database, and carried last.

`sealed.py`: how a file lies on the disk; `store.py`: the directory; `models.py`: records that name files, and
what is on its way; `doors.py`: central's side; `travel.py`: the clinic's step of a run.
"""
