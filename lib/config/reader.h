/* Reads a document by the tables of a schema into structs. Private to lib/config. */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include <stdio.h>

#include "config/document.h"
#include "config/schema.h"

/*
 * Fills `out` (zeroed) from the document's root. Every error is ERR_USAGE: "file:line: what was found, what was
 * expected"; what was filled until then is for schema_release().
 */
must_check int schema_read(const struct schema_table *table, struct document *document, void *out);

/* Frees what `out` owns by the table, not `out` itself. */
void schema_release(const struct schema_table *table, void *out);

/* The keys with type, default and meaning, nested ones indented. */
void schema_describe(const struct schema_table *table, FILE *stream, int indent);

#endif
