"""A RapidSMS 2.2 project as its documentation sets one up: the yardstick for what this service is built to replace.

Blocking router, HTTP backend view, message log, the database backend for what goes out, Django's default middleware,
and one keyword handler that answers. It is given what a careful administrator would give it: connections kept open,
WAL with `BEGIN IMMEDIATE` on SQLite, its 40,000 senders registered beforehand, no debug mode, handlers named rather
than searched for. It runs in its own environment (`../requirements-rapidsms.txt`), which has nothing of ours.
"""
