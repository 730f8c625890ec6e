"""Who and where: the lists that the whole programme shares.

`places` (areas, facilities) ← `staff` (who may do what, log-in without internet) ← `numbers` (registration
numbers) ← `people` (patients, identifiers, search). Each imports only those before it.
"""
