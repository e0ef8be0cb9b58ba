/*
 * Writing a snapshot's tree: entries in path order into nodes, nodes into branches, a large file's chunks into lists.
 * One thread. Where nodes end depends on paths and ids alone (chunk/grouping.h), so an unchanged part of the tree gives
 * the same nodes.
 */
#ifndef REPO_TREE_WRITE_H
#define REPO_TREE_WRITE_H

#include "catalog/key_cache.h"
#include "format/node.h"
#include "repo/chunk_store.h"

/* A chunk as the tree refers to it. Holds a key: guarded memory only. */
struct chunk_ref {
	uint8_t id[ID_SIZE], key[KEY_SIZE];
	uint64_t size; /* plaintext bytes of it, or beneath it */
};

/* Chunks of a file that an entry may name itself; more go into lists. */
#define ENTRY_CHUNKS_MAX 64

struct tree_writer;

struct tree_writer *tree_writer_new(struct chunk_store *store, struct key_cache *cache, const struct dataset_key *key);
void tree_writer_free(struct tree_writer *w);

/* The hash that decides where nodes start (the producer needs it too: a group ends where a node does). */
uint64_t tree_path_hash(const uint8_t grouping_key[KEY_SIZE], const struct entry *e);

/*
 * The next entry. refs[e->content.child .. ] are its chunks: as many as content.count (whole), one (slice, list). Its
 * content.child is rewritten to the node's numbering.
 */
must_check int tree_add_entry(struct tree_writer *w, const struct entry *e, const struct chunk_ref *refs,
			      const struct stat_print *print);

/*
 * The chunks of a large file, in order; then tree_list_end() gives the content to put into its entry, whose refs are
 * *refs.
 */
void tree_list_begin(struct tree_writer *w);
must_check int tree_list_add(struct tree_writer *w, const struct chunk_ref *ref);
must_check int tree_list_end(struct tree_writer *w, struct content *content, const struct chunk_ref **refs);

/* The root. root_key: guarded. */
must_check int tree_finish(struct tree_writer *w, uint8_t root_id[ID_SIZE], uint8_t root_key[KEY_SIZE]);

#endif
