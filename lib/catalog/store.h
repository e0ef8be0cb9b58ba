/*
 * The catalogue's tables in LMDB 0.9: opening, reading transactions for many threads, writing ones for one. Private to
 * lib/catalog.
 *
 * Durability. A cache may lose its last writes; it must not come back damaged. MDB_NOMETASYNC gives just that: the
 * pages of a transaction are synced before its meta page is written, and pages are reused only two transactions later,
 * so that a power loss undoes at most the last transaction. (MDB_NOSYNC would save an fdatasync for each flush, of
 * which a night has few, and could leave pages that are not what the tree says.) Temporary catalogues die with the
 * process: MDB_NOSYNC there. MDB_WRITEMAP is not used: the file would be as long as the map. Instead a transaction is
 * bounded (store_budget()), because LMDB keeps each page that it changed in anonymous memory until it commits.
 *
 * MDB_NOMEMINIT is never set: pages from malloc() are zeroed, so that nothing else that was in this process's memory
 * gets to disk.
 */
#ifndef CATALOG_STORE_H
#define CATALOG_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <lmdb.h>

#include "base/err.h"

enum table {
	TABLE_PACKS,    /* number -> row */
	TABLE_NAMES,    /* SHA-256 of a pack -> number */
	TABLE_CHUNKS,   /* id | ~number -> place: the newest pack of a chunk comes first */
	TABLE_BLOBS,    /* number -> ids, in the pack's order */
	TABLE_CHILDREN, /* node id -> ids */
	TABLE_OBJECTS,  /* SHA-256 of a signed object -> seq */
	TABLE_FACTS,    /* name -> value */
	TABLE_COUNT,
};

struct store;

must_check int store_open(const char *dir, bool temporary, struct store **out);
void store_close(struct store *s);

/* Records a message for an error of LMDB (MDB_* or errno) and returns our code. */
must_check int store_failed(const struct store *s, int rc);

/* ERR_FORMAT, saying that the catalogue is damaged and is to be rebuilt. */
must_check int store_damaged(const struct store *s, const char *what);

/* A reading transaction; begin and end in the same thread. */
must_check int store_read_begin(struct store *s, MDB_txn **txn);
void store_read_end(struct store *s, MDB_txn *txn);

/* The value under a key, valid until the transaction ends. ERR_MISSING without a message. */
must_check int store_get(const struct store *s, MDB_txn *txn, enum table table, const void *key, size_t len,
			 MDB_val *value);

/* A cursor, to be closed by mdb_cursor_close() before its transaction ends. ERR_MISSING, without a message: no more. */
must_check int store_cursor(const struct store *s, MDB_txn *txn, enum table table, MDB_cursor **cursor);
must_check int store_cursor_from(const struct store *s, MDB_cursor *cursor, const void *key, size_t len, MDB_val *found,
				 MDB_val *value); /* at `key` or the first behind it */
must_check int store_cursor_next(const struct store *s, MDB_cursor *cursor, MDB_val *found, MDB_val *value);

uint64_t store_entries(const struct store *s, MDB_txn *txn, enum table table);
uint64_t store_bytes(const struct store *s); /* of the file in use */

/*
 * Writing. These return LMDB's codes, so that the caller can tell MDB_MAP_FULL: it then aborts, calls store_grow()
 * while no reading transaction is open, and does everything again.
 */
struct store_writing {
	struct store *store;
	MDB_txn *txn;
	unsigned budget, work; /* changes until store_write_step() commits */
};

must_check int store_write_begin(struct store *s, struct store_writing *w);
must_check int store_put(struct store_writing *w, enum table table, const void *key, size_t key_len, const void *value,
			 size_t len, unsigned flags);
must_check int store_delete(struct store_writing *w, enum table table, const void *key, size_t len); /* absent: 0 */
/* Commits and begins again when the budget is spent: between changes that need not be seen together. */
must_check int store_write_step(struct store_writing *w);
must_check int store_write_commit(struct store_writing *w);
void store_write_abort(struct store_writing *w);
must_check int store_grow(struct store *s);
MDB_dbi store_table(const struct store *s, enum table table);

/* How many of `count` changes, spread over a table and sorted by key, fit into one transaction. */
unsigned store_budget(const struct store_writing *w, enum table table, size_t count);
#define STORE_BUDGET_MIN 2048u /* changes, each of a page of its own at worst: 8 MiB */

must_check int store_sync(struct store *s);

/* Removes a catalogue's files. */
must_check int store_destroy(const char *dir);

#endif
