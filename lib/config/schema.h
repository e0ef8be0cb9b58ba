/*
 * What a configuration file may say: tables of keys with type, default, bounds and meaning. The one table of
 * Nightfold's file is schema_top (schema.c); reading and describing (reader.c) follow it and know no key themselves.
 * Private to lib/config.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCHEMA_TEXT_MAX 4095 /* bytes of one text */

enum schema_type {
	SCHEMA_TEXT,     /* char * */
	SCHEMA_PATH,     /* char *, made absolute */
	SCHEMA_TEXTS,    /* char **, and its count */
	SCHEMA_NUMBER,   /* int */
	SCHEMA_SIZE,     /* uint32_t, bytes */
	SCHEMA_DURATION, /* struct duration */
	SCHEMA_WORD,     /* an enum: the value of one of `words` */
	SCHEMA_SWITCH,   /* bool: the value of one of `words` */
	SCHEMA_WORDS,    /* unsigned: the values of several of `words`, or-ed */
	SCHEMA_MAPPING,  /* a struct of `table`, embedded */
	SCHEMA_LIST,     /* an array of structs of `table`, and its count; their names (first member) are unique */
};

struct schema_word {
	const char *word;
	int value;
};

struct schema_key {
	const char *name;
	const char *help;
	enum schema_type type;
	bool required;
	size_t offset;
	size_t count_offset; /* TEXTS, LIST: of a size_t */
	size_t text_offset;  /* of a char * that keeps the value as it was written; 0: none */
	size_t line_offset;  /* of an int that takes the line of the key; 0: none */
	const char *initial; /* the default, as it would stand in the file */
	/* Least and most: items of a list, a number, a size; min 1 of a duration: not zero. max 0: no bound. */
	int64_t min, max;
	const struct schema_word *words; /* ends with a NULL word; of a TEXT: what it may be */
	const struct schema_table *table;
	int (*check)(const char *text); /* of the text; its message is shown behind the key's place */
};

struct schema_table {
	const char *what;              /* "a zone" */
	const struct schema_key *keys; /* ends with a NULL name */
	size_t size;
	size_t line_offset; /* of an int that takes the line; 0: none */
};

extern const struct schema_table schema_top; /* fills a struct config */

#endif
