"""How two replicas speak: the specification, and the door to the code that keeps it.

Here: the spec (below) and, re-exported, everything that the rest of `sync` needs of the wire. Not here: the
merge (merge.py), clocks (clock.py), digests of what is held (digest.py), the run that decides who says what
when (sync/run.py), the layout of the smaller messages (sync/exchanges.py). Read next: changes.py, then
batch.py.

MUST = a test proves it. SHOULD = do otherwise only with a reason. Each rule says why it is one.


# 1. Definitions

    replica    one copy of a node's database, named by a UUID; restored or cloned, it is another replica
    seq        a replica counts its changes from 1, without a gap, in the order of their commits
    dot        (replica, seq): names one change for ever
    save       what one person stored at once; `save_id` is a UUIDv7 made with the form
    change     one record's part of a save: the fields set, and who, when, where, having seen what (`past`)
    ordinal    a change's place in its save, from 0; `last` marks the change that completes the save
    stamp      milliseconds << 16 | counter, of a hybrid logical clock
    batch      changes of one replica whose seqs follow on, as they travel up
    page       states of records (fields, their heads, the writes behind them), as they travel down
    frame      the packed form of a batch or a page
    receipt    central's signed word about the changes from one seq to another
    envelope   a signed thing and its signature

Numbers are signed 64-bit unless a bound is given. Ids are 16 bytes. Text is UTF-8, byte for byte as it was
typed: nothing here normalises, trims or folds (two spellings of a name are two values, and a digest must not
depend on whose library composed an accent). A value is null, a boolean, a whole number (-2^63 to 2^64-1), a
float, text, bytes, a list or a map with text keys, nested at most 32 deep.


# 2. Ids

- `save_id` MUST be made once per form and re-used by every retry: it is what makes a repeat harmless.
- The id of the record that a change creates MUST be `derive_id(save_id, ordinal)`: the first 48 bits of the
  save id (its milliseconds), then SHA-256(save_id ‖ ordinal as 4 bytes, big-endian), cut to 80 bits, with
  version 8 and the RFC variant set. A retry makes the same record, and the id never travels.
- A save MUST write a record at most once, and its changes MUST have seqs that follow on.


# 3. The canonical form and the chain

`canonical(change)` is this array in msgpack, shortest encodings, map keys in byte order:

    1, replica, seq, save_id, ordinal, last, table, record_id, stamp, author or null, device, clock_offset_ms,
    schema, [[replica, highest seq] …] of the past, [[replica, seq] …] of its single dots, {field: value …}

- Ids are 16 bytes; both lists of the past are sorted; a single dot that `highest` covers is left out.
- `from_canonical` MUST refuse any other bytes, even of the same meaning: equal changes have equal digests.
- digest(n) = SHA-256(digest(n-1) ‖ canonical(n)). A replica's chain starts from SHA-256(replica). That of a
  replica R2 which replaces R after a restore starts from SHA-256(R2 ‖ R ‖ final digest of R), so the two
  histories are one.
- Digests do not travel with changes: central MUST compute them from what it decoded. The receipt's
  `chain_head` then proves to the clinic that central holds exactly what the clinic wrote.
- The same dot with another digest is a fork. It MUST NOT be merged or skipped, and MUST raise an alarm:
  somebody cloned a database or changed a log.


# 4. Frames

    byte    kind << 4 | dictionary        kind 1 = batch, 2 = page; dictionary 0 = none
    4 × varint                            lengths of head, planes, text; length of the compressed part
    zstd frame without its magic          of head ‖ planes ‖ text
    the rest                              dense, not compressed

- `head` says what follows; `planes` has the bytes of numbers; `text` has strings, each ended by NUL; `dense`
  has what looks random. Mixed in with the rest, random bytes would cost the compressor its statistics.
- The zstd frame MUST NOT declare its content size (its first byte is 0): decompressors reserve what is
  declared there before they look at any limit. A reader MUST check head + planes + text + dense against its
  limit before unpacking, and that exactly so much came out.
- A dictionary in use MUST never change; a new one takes the next number, and readers keep the old ones.
  Frames wait for weeks on laptops and sticks.
- A reader counts what it builds as if nothing were shared (a text repeated 1,000 times counts 1,000 times)
  and MUST stop at its limits; a writer counts in the same way and MUST cut the batch instead
  (`BatchTooLarge`). Defaults: 8 MiB, 20,000 records, 600,000 values.
- Whatever the bytes are, a reader MUST raise `MalformedBatch` or give back something that has a canonical
  form. Leftover bytes are malformed.

## Columns of numbers (ints.py)

For no values, nothing is written. Otherwise: one byte `way << 6 | cut`, one byte `planes`, one or two signed
varints (zigzag, base 128) as bases, then the column. Ways: 0 the value less the base; 1 the difference to the
value before, less the second base, the first base being the first value; 2 the value less the same row of a
column that the reader has, less the base; 3 (alone in its byte) a count of distinct values, those as a
column, and places in it as a column. Of each number the low `cut` bits are dense – whole low bytes plane by
plane, then the bits left over side by side – and the rest is `planes` planes of bytes.

## Columns of values (columns.py, text.py)

One byte says the kind: 0 null · 1 boolean · 2 number · 3 float, as its shortest text · 4 text · 5 id, a place
in the frame's table of ids · 6 msgpack, each distinct value once · 7 mixed: a byte with a bit for each kind
present, which of them each row is, and a column for each. Text is 0 as it is · 1 a list of distinct strings
and places · 2 words split at spaces · 3 dates, as days since 0001-01-01, which is 1 · 4 at most 64 patterns
with 0 for each digit, and the digits of each string as a number · 8 + p numbers with p decimal places.

- No schema is consulted, so a field that only newer versions know travels as well as any other.
- A writer MUST use a way only where it gives back every value of the column exactly ("007" is not 7, "-0" not
  0).

## Ids (ids.py)

A column of ids is: which of version 7, version 8 or other; the 48 bits of time of the first two (for saves
against their stamps), 74 random bits each, other ids as they are. The table of ids is one such column of all
ids that the reader cannot find out, sorted, then numbers for those that it can.


# 5. Batches (batch.py)

count, first seq · stamps (milliseconds, counters) · saves (length of each run, ids, ordinals and ends where
they are not as the runs say) · shapes and which each change has · how each change's past is told, and whether
it creates its record, shape by shape · the table of ids · the replica · ids of records not created here ·
authors, devices, clock offsets · pasts that are spelled out · a column for each field of each table, tables
and fields in order of names.

- A batch MUST hold changes of one replica with seqs that follow on. It MAY cut a save.
- A shape is a table, its schema version and the set of fields. Rows without a field cost nothing in its
  column.
- What the reader can work out MUST NOT travel: seqs, digests, ids of created records, and ids of records that
  an earlier change of the same replica touched. Those travel as that change's seq – as record ids and as
  foreign keys – and the reader asks its log (`resolve`). Which earlier change a writer names is its own
  affair; the latest one is best, for then:
- a past that is exactly {this replica: the seq named for the record, or that of the batch's latest change to
  it} costs next to nothing. An empty one costs nothing.
- A reader MUST refuse a seq that its log does not know (`unknown-reference`), and MUST NOT take a seq at or
  after the batch's first for anything but a record created in the batch.


# 6. Pages (pages.py)

count · layouts and which each record has · the table of ids (numbers are places in the page) · whose each
write is · seqs and stamps, replica by replica · record ids, against the stamps of their first writes ·
positions · received, authors, devices, clock offsets, pasts · columns as in a batch, a value for each head.

- A record carries the writes behind its heads, each once: dot, past, stamp, received, author, device, clock
  offset. A record written once has one. A layout says which write is behind each head.
- The heads of a field MUST stand in the order of their dots, strictly: the merge trusts it.
- A reference to a record of the same page is its place, whichever stands first.
- A page MUST carry what its records need of parents that the reader may lack, and its cursors MUST NOT pass
  what it does not carry. Applying a page and moving the cursors is one transaction.


# 7. Receipts (receipts.py)

An envelope is msgpack [canonical receipt, Ed25519 signature over "posta receipt 1" NUL ‖ canonical receipt].
The canonical receipt is this array in msgpack:

    1, key id, timeline, node, replica, seq from, seq to, SHA-256 of the batch, [count × 6 + outcome …],
    [[save, code, sentence] …], received (stamp), chain head, revocation version, SHA-256 of the envelope
    before or ""

- Outcomes are 0 applied · 1 merged · 2 conflicted · 3 held · 4 quarantined · 5 repeat, in runs, in the order
  of saves.
- Central MUST sign in the transaction that stores the changes: a receipt is a promise that they are on disk.
- Only a verified receipt moves `acked`. The clinic MUST check the key against those it pinned, its own node
  and replica, the timeline, and `chain_head` against its own digest of `seq to`. Anything else is a security
  event, and the changes stay unsent: captive portals, replays and forgeries all look like success to a client
  that trusts a 200.
- Asked again for changes that it has, central MUST answer with the first outcome and the same `received`;
  otherwise the shown value would depend on how often a link broke.
- `previous` is an audit link. A clinic MUST NOT refuse a receipt for lack of the one before.
- The purpose is signed along, so no other signature of the same key can pass for a receipt.


# 8. The conversation

Every request is signed (RFC 9421: method, path, content digest, node, replica, seq range, server nonce).
Bodies are msgpack arrays; a field is only ever added at the end, and a reader ignores what it does not know.

- **hello** (clinic: protocol, nonce, token, head seq and digest, acked seq, cursors with anchors, numbers
  left, backlog, software, its clock; after a restore, the replica it follows; its first batch, or "") →
  (central: protocols spoken, its replica and timeline, its time and stamp, a nonce for the run, the next
  token, seq and digest expected, gates, receipts that the clinic lacks, saves held or quarantined with code
  and sentence, why it is fenced, anchors it does not know, revocation version). The answer MUST be signed
  with the question's nonce (`sign_answer`): a page of a hotel's portal, or yesterday's answer, is no link. A
  token central gave to another copy, or an unknown one, fences the replica: a rollback and a clone look alike
  from afar, and a person decides.
- A clinic whose last conversation ended well SHOULD give hello its first batch along, and MAY send the next
  ones with the nonce that it has, before hello is answered: on a thin link a round trip is a batch. Central
  MUST take in what came along only after it has judged hello, as if it had come by itself, and MUST answer
  hello whatever is wrong with the batch. The receipts and the seq expected in the answer tell what became of
  it; if it was not taken, the clinic MUST take back what it sent ahead and begin behind what is acked. After
  a conversation that broke, hello goes alone: central may have the batch, and would get it twice.
- The run nonce MUST die with the token that it was given with (the last two tokens are good), or a copied
  laptop, which hello would fence, could write with the nonce it inherited.
- **upload** (a batch; its seqs are in the signed head) → receipts covering it, or the seq expected. A gap
  MUST be refused with the seq expected; overlap MUST be harmless.
- **gates** (lane) → the gates of that lane.
- **pages** (cursors, bounds taken in hello, bytes wanted, lane) → a page, where the cursors may move, whether
  there is more. Cursors are positions, never times: no clock decides what is new. A lane is a part of the
  feed with gates and cursors of its own; there is one, 0, and central MUST refuse any other.
- **digests** (per table: position, root, buckets, the ids and hashes of a bucket) → equal, or what differs.
  Ids that are unsent, held, quarantined or past the position MUST be left out on both sides.
- **numbers** (how many are left and wanted) → blocks.
- **join** (one-time code, the node's keys) → what the node pins: its id and facilities, central's replica,
  timeline and keys. Both prove that they know the code; nobody sends it.


Hello, receipts and the welcome of join prove themselves. The answer of every other door MUST be signed with
central's key, over "posta reply 1" NUL ‖ SHA-256(the request's Signature header) ‖ SHA-256(body), and the
clinic MUST check it against the key it pinned before it reads the body: TLS alone believes whoever holds a
certificate. Refusals are not signed; they bring nothing.


# 9. Versions

- A peer MUST refuse a protocol that it does not speak, with the range that it does: a wrong guess loses data.
- Within a protocol version a frame may come with a new dictionary; a new kind or way needs a new version.
- Wire schema versions are per table and travel with each shape; a change is judged by its own.

# 10. Codes of `MalformedBatch`

truncated · trailing · too-large · unknown-format · bad-compression · broken-text · bad-number · bad-date ·
bad-column · bad-shape · bad-save · bad-past · bad-heads · bad-value · bad-canonical · unknown-reference ·
malformed
"""

from __future__ import annotations

from typing import Final

from sync.core.batch import decode_changes, encode_changes
from sync.core.changes import (
    Change,
    canonical,
    chain_digest,
    derive_id,
    first_digest,
    from_canonical,
    new_save_id,
    pack,
)
from sync.core.pages import StateRecord, decode_page, encode_page
from sync.core.receipts import (
    BadAnswer,
    BadReceipt,
    Outcome,
    Problem,
    Receipt,
    check_receipt,
    open_answer,
    open_receipt,
    receipt_digest,
    runs_of,
    sign_answer,
    sign_receipt,
)
from sync.core.wire import BatchTooLarge, Limits, MalformedBatch

PROTOCOL_VERSION: Final = 1

__all__ = [
    "PROTOCOL_VERSION",
    "BadAnswer",
    "BadReceipt",
    "BatchTooLarge",
    "Change",
    "Limits",
    "MalformedBatch",
    "Outcome",
    "Problem",
    "Receipt",
    "StateRecord",
    "canonical",
    "chain_digest",
    "check_receipt",
    "decode_changes",
    "decode_page",
    "derive_id",
    "encode_changes",
    "encode_page",
    "first_digest",
    "from_canonical",
    "new_save_id",
    "open_answer",
    "open_receipt",
    "pack",
    "receipt_digest",
    "runs_of",
    "sign_answer",
    "sign_receipt",
]
