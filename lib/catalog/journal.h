/*
 * The journal: packs that this agent made, written down before they are sent, so that a run that was killed is not sent
 * twice and a pack is not trusted because it lies in a zone. Append-only, one record a pack: name, size, footer. A torn
 * last record is dropped. Emptied when an index names them all.
 */
#ifndef CATALOG_JOURNAL_H
#define CATALOG_JOURNAL_H

#include "format/objects.h"
#include "format/pack.h"

struct journal;

must_check int journal_open(const char *path, struct journal **out);
void journal_close(struct journal *j);
must_check int journal_add(struct journal *j, const struct index_pack *pack, const uint8_t *footer, size_t footer_len);

/* Calls back for each record, oldest first; the footer's bytes are as they were written. */
typedef int (*journal_call)(void *context, const struct index_pack *pack, const uint8_t *footer, size_t footer_len);
must_check int journal_each(struct journal *j, journal_call call, void *context);
must_check int journal_clear(struct journal *j); /* durable */

#endif
