/*
 * What the agent remembers of content that is present, so that unchanged files are not read again (docs/FORMAT.md does
 * not cover this: it never leaves the host; docs/THREATS.md does).
 *
 * One shard per entries node of the last snapshot, in path order: the node's plaintext (which holds the keys of present
 * content), the node's own id and key, and for each entry what the file system said of it (device, inode, ctime). Each
 * shard is a file encrypted under its own random key; the keys stand in one file, `keys`, replaced atomically at the
 * end of a run: shards whose content changed get a new key, the old one is overwritten and gone, so nothing recoverable
 * from here opens what is no longer in the source. No inner node, no root.
 *
 * A shard is found by its node's name: the id that the plaintext makes under the dataset key (crypto/suite.h). That is
 * the node's id, unless its key was drawn at random (`dedup: none`).
 *
 * Layout of the folder: `keys`, <16 hex>.shard; during a run `.keys.tmp`, during a commit `keys.old`, both overwritten
 * and removed by the next open when a run was killed. A shard that does not authenticate is treated as absent: its
 * files are read again. The files of keys may be in a folder of their own, in memory (tmpfs or ramfs): then what is on
 * disk opens nothing, and after a restart of the host every file is read again.
 *
 *	keys    "NFKEYS1\n", then for each shard in path order: file id (8) | shard key (32) | node name (32) |
 *	        BLAKE2b-256(key: shard key, prints) (32)
 *	shard   XChaCha20-Poly1305 under the shard key, associated data "nightfold key cache shard v1\0" | file id | node name,
 *	        of: node key (32) | node bytes (u64) | count (u32) | count prints | node. A print: device, inode, ctime (u64
 *	        each), nanoseconds (u32). Numbers are big-endian.
 *
 * Memory: about 30 bytes a shard (some 250 entries), whatever is in it; keys stay in their file until one is needed.
 */
#ifndef CATALOG_KEY_CACHE_H
#define CATALOG_KEY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/suite.h"
#include "format/node.h"

/* What tells an unchanged file. inode 0: never trust (its times were too fresh to tell). */
struct stat_print {
	uint64_t device, inode;
	int64_t ctime;
	uint32_t ctime_ns;
	bool partial; /* not kept, but inode is 0 then: what is recorded of the file is not all that it is now */
	bool several; /* of a run's own listing, not kept: it is the first of several names of its file */
};

/* A shard opened: guarded. */
struct shard {
	struct node node;
	uint8_t node_id[ID_SIZE], node_key[KEY_SIZE];
	uint64_t node_bytes;       /* size beneath the node */
	struct stat_print *prints; /* one an entry */
	struct buf plain;          /* backing, guarded */
};

/* ---- reading last run's cache, in order ---- */

struct key_cache; /* one folder: reading the old, writing the new */

/*
 * Opens the folder (made when absent). Shards that `keys` does not name are deleted. A damaged `keys` is an empty
 * cache, with a warning. key_cache_next() may run in one thread, key_cache_recall() and key_cache_add() in another; all
 * else belongs to one.
 *
 * `keys_dir`: NULL, or the folder in memory for the files of keys, made when absent, of this cache alone. ERR_REFUSED
 * when it would lie on a disk or others can look in. Keys in `dir` are then destroyed.
 */
must_check int key_cache_open(const char *dir, const char *keys_dir, struct key_cache **out);

/* Whether there were shards and no keys to them: they went with the memory, or were lost. */
bool key_cache_lost(const struct key_cache *c);
void key_cache_close(struct key_cache *c); /* without key_cache_commit(): the old cache stays */

/*
 * The next shard of the old cache that opens, in path order; NULL at the end. The cache's own, valid until the next
 * call.
 */
must_check int key_cache_next(struct key_cache *c, const struct shard **out);

/* ---- writing this run's, in order ---- */

/* The key (guarded) that the node of this name had in the last run, where it was an entries node that opens. */
must_check int key_cache_recall(struct key_cache *c, const uint8_t node_name[ID_SIZE], uint8_t node_key[KEY_SIZE],
				bool *found);

/*
 * This run's next entries node; its key is the recalled one where there is one. `prints`: one an entry. An old shard of
 * the same name and the same prints is kept as it is, with its key; otherwise a new shard is written under a new key.
 */
must_check int key_cache_add(struct key_cache *c, const uint8_t *node_plain, size_t node_len,
			     const uint8_t node_name[ID_SIZE], const uint8_t node_key[KEY_SIZE], uint64_t node_bytes,
			     const struct stat_print *prints, size_t count);

/* Makes this run's cache the one: writes `keys` anew, overwrites the old keys, unlinks the shards that fell out. */
must_check int key_cache_commit(struct key_cache *c);

/* Destroys all of it, the keys first; also a folder of keys alone. A folder that is not there is no error. */
must_check int key_cache_destroy(const char *dir);

#endif
