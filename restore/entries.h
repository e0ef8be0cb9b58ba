/*
 * Entries of a snapshot on standard output: a line or a JSON object each, written as they come, however many there
 * are.
 */
#ifndef RESTORE_ENTRIES_H
#define RESTORE_ENTRIES_H

#include "format/node.h"
#include "report/json.h"

/* "drwxr-xr-x". out: 11 bytes. */
const char *format_mode(const struct entry *e, char *out);
const char *entry_type_name(enum entry_type type);

/* The members of one entry, into an object that is open. */
void put_entry(struct json *j, const struct entry *e);

/* An array of JSON objects that is written object by object. */
struct rows {
	bool begun;
};
must_check int rows_add(struct rows *rows, struct json *object); /* frees `object` */
must_check int rows_end(struct rows *rows);

/* Prints a path so that it cannot drive a terminal. */
void print_path(const char *path, size_t len);

#endif
