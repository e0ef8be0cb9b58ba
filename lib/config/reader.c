#include "config/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "config/config.h"
#include "config/nearest.h"

static void *at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static char **text_at(void *base, size_t offset)
{
	return at(base, offset);
}

/* "file:line: key: message", the message being the one recorded last. */
static int bad_value(const struct document *d, int line, const struct schema_key *key)
{
	_free_ char *message = xstrdup(err_message());

	return failed(ERR_USAGE, "%s:%d: %s: %s", d->file, line, key->name, message);
}

static const char *node_kind(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SEQUENCE_NODE:
		return "a list";
	case YAML_MAPPING_NODE:
		return "a mapping";
	case YAML_SCALAR_NODE:
		return node->data.scalar.length == 0 ? "nothing" : "a text";
	case YAML_NO_NODE:
	default:
		return "nothing";
	}
}

static const char *type_name(enum schema_type type)
{
	static const char *const names[] = {
		[SCHEMA_TEXT] = "a text",
		[SCHEMA_PATH] = "a path",
		[SCHEMA_TEXTS] = "a list of texts",
		[SCHEMA_NUMBER] = "a number",
		[SCHEMA_SIZE] = "a size, as in 512 KiB",
		[SCHEMA_DURATION] = "a duration, as in 3 months",
		[SCHEMA_WORD] = "a word",
		[SCHEMA_SWITCH] = "a word",
		[SCHEMA_WORDS] = "a list of words",
		[SCHEMA_MAPPING] = "a mapping of keys to values",
		[SCHEMA_LIST] = "a list of mappings",
	};

	return names[type];
}

static int wrong_kind(const struct document *d, const yaml_node_t *node, const char *name, const char *expected)
{
	return failed(ERR_USAGE, "%s:%d: %s: expected %s, found %s", d->file, document_line(node), name, expected,
		      node_kind(node));
}

/* ---- words ---- */

static char *list_words(const struct schema_word *words)
{
	char *list = xstrdup("");

	for (const struct schema_word *w = words; w->word; w++) {
		char *longer = xasprintf("%s%s%s", list, w == words ? "" : ", ", w->word);

		free(list);
		list = longer;
	}
	return list;
}

static int find_word(const struct schema_word *words, const char *text, int *value)
{
	struct nearest n = nearest_to(text);

	for (const struct schema_word *w = words; w->word; w++) {
		if (strcmp(w->word, text) == 0) {
			*value = w->value;
			return 0;
		}
		nearest_consider(&n, w->word);
	}

	_free_ char *list = list_words(words);
	return failed(ERR_USAGE, "'%s' is unknown: expected %s%s%s%s%s", text, words[1].word ? "one of " : "", list,
		      n.best ? ", did you mean '" : "", n.best ? n.best : "", n.best ? "'?" : "");
}

/* ---- values that are written as one text ---- */

static int read_number(const struct schema_key *key, const char *text, int *out)
{
	char *end;

	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < key->min || value > key->max)
		return failed(ERR_USAGE, "'%s' is out of bounds: expected a number from %lld to %lld", text,
			      (long long)key->min, (long long)key->max);
	*out = (int)value;
	return 0;
}

static int read_size(const char *text, uint32_t *out)
{
	uint64_t size;
	int code = config_parse_size(text, &size);

	if (code)
		return code;
	if (size > UINT32_MAX)
		return failed(ERR_USAGE, "'%s' is too large", text);
	*out = (uint32_t)size;
	return 0;
}

static int read_duration(const struct schema_key *key, const char *text, struct duration *out)
{
	/* Zero needs no unit. */
	if (key->min == 0 && strcmp(text, "0") == 0) {
		*out = (struct duration){ 0 };
		return 0;
	}

	int code = duration_parse(text, out);
	if (code == 0 && key->min > 0 && out->months == 0 && out->seconds == 0)
		code = failed(ERR_USAGE, "'%s' is no time at all", text);
	return code;
}

/* Relative paths start at the file's folder, wherever the program was started. */
static char *absolute_path(const struct document *d, const char *text)
{
	const char *slash = strrchr(d->file, '/');
	_free_ char *folder = slash ? xstrndup(d->file, (size_t)(slash + 1 - d->file)) : xstrdup(".");

	if (text[0] == '/')
		return xstrdup(text);
	/* The file was read from there just now, so its folder has a name. */
	_free_ char *whole = realpath(folder, NULL);
	return xasprintf("%s/%s", whole ? whole : folder, text);
}

static int read_word(const struct schema_key *key, const char *text, void *out)
{
	int value = 0, code = find_word(key->words, text, &value);

	if (code)
		return code;
	if (key->type == SCHEMA_SWITCH)
		*(bool *)out = value != 0;
	else
		*(int *)out = value;
	return 0;
}

/* The value of a key that is one text; messages lack the place yet. */
static int read_text(const struct document *d, const struct schema_key *key, const char *text, void *base)
{
	void *out = at(base, key->offset);
	int code = key->check ? key->check(text) : 0, unused;

	if (code)
		return code;
	switch (key->type) {
	case SCHEMA_TEXT:
		code = key->words ? find_word(key->words, text, &unused) : 0;
		if (code == 0)
			*(char **)out = xstrdup(text);
		break;
	case SCHEMA_PATH:
		*(char **)out = absolute_path(d, text);
		break;
	case SCHEMA_NUMBER:
		code = read_number(key, text, out);
		break;
	case SCHEMA_SIZE:
		code = read_size(text, out);
		break;
	case SCHEMA_DURATION:
		code = read_duration(key, text, out);
		break;
	case SCHEMA_WORD:
	case SCHEMA_SWITCH:
		code = read_word(key, text, out);
		break;
	case SCHEMA_TEXTS:
	case SCHEMA_WORDS:
	case SCHEMA_MAPPING:
	case SCHEMA_LIST:
		must(!"a value that is no text");
	}
	if (code == 0 && key->text_offset != 0)
		*text_at(base, key->text_offset) = xstrdup(text);
	return code;
}

/* The text of a scalar node: not empty, printable, bounded. It belongs to the document. */
static int scalar(const struct document *d, const yaml_node_t *node, const char *name, const char *expected,
		  const char **out)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0)
		return wrong_kind(d, node, name, expected);

	const yaml_char_t *text = node->data.scalar.value;
	size_t len = node->data.scalar.length;
	uint32_t code = 0;

	if (len > SCHEMA_TEXT_MAX)
		return failed(ERR_USAGE, "%s:%d: %s: longer than %d bytes", d->file, document_line(node), name,
			      SCHEMA_TEXT_MAX);
	/* Valid UTF-8 it is: the document was checked as a whole. "\x00" in quotes makes a NUL all the same. */
	for (size_t i = 0; i < len; i += utf8_next(text + i, len - i, &code)) {
		(void)utf8_next(text + i, len - i, &code);
		if (!utf8_printable(code))
			return failed(ERR_USAGE, "%s:%d: %s: holds a character that cannot be shown (U+%04X)", d->file,
				      document_line(node), name, (unsigned)code);
	}
	*out = (const char *)text;
	return 0;
}

/* ---- lists ---- */

static size_t item_count(const yaml_node_t *node)
{
	return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static int read_texts(struct document *d, const struct schema_key *key, const yaml_node_t *node, void *base)
{
	size_t *count = at(base, key->count_offset);
	char ***texts = at(base, key->offset);

	if (node->type != YAML_SEQUENCE_NODE)
		return wrong_kind(d, node, key->name, type_name(key->type));
	*texts = xcalloc(item_count(node), sizeof **texts);
	for (size_t i = 0; i < item_count(node); i++) {
		const char *text = NULL;
		int code = scalar(d, document_node(d, node->data.sequence.items.start[i]), key->name, "a text", &text);

		if (code)
			return code;
		(*texts)[(*count)++] = xstrdup(text);
	}
	return 0;
}

static int read_words(struct document *d, const struct schema_key *key, const yaml_node_t *node, void *base)
{
	unsigned *bits = at(base, key->offset);

	if (node->type != YAML_SEQUENCE_NODE || item_count(node) == 0)
		return wrong_kind(d, node, key->name, type_name(key->type));
	for (size_t i = 0; i < item_count(node); i++) {
		const yaml_node_t *item = document_node(d, node->data.sequence.items.start[i]);
		const char *text = NULL;
		int value = 0, code = scalar(d, item, key->name, "a word", &text);

		if (code)
			return code;
		if (find_word(key->words, text, &value))
			return bad_value(d, document_line(item), key);
		*bits |= (unsigned)value;
	}
	return 0;
}

static int read_mapping(const struct schema_table *table, struct document *d, const yaml_node_t *node, void *out);

static int check_unique(const struct document *d, const struct schema_key *key, char *items, size_t count)
{
	const struct schema_table *table = key->table;
	char *last = items + (count - 1) * table->size;
	const char *name = *text_at(last, 0);

	for (char *item = items; item < last; item += table->size)
		if (strcmp(*text_at(item, 0), name) == 0)
			return failed(ERR_USAGE, "%s:%d: %s: '%s' is there already, in line %d", d->file,
				      *(int *)at(last, table->line_offset), key->name, name,
				      *(int *)at(item, table->line_offset));
	return 0;
}

static int read_list(struct document *d, const struct schema_key *key, const yaml_node_t *node, void *base)
{
	const struct schema_table *table = key->table;
	size_t *count = at(base, key->count_offset);
	char **items = at(base, key->offset);

	if (node->type != YAML_SEQUENCE_NODE)
		return wrong_kind(d, node, key->name, type_name(key->type));
	if (item_count(node) < (size_t)key->min || (key->max != 0 && item_count(node) > (size_t)key->max))
		return failed(ERR_USAGE, "%s:%d: %s: expected %s %lld, found %zu", d->file, document_line(node),
			      key->name,
			      key->min == key->max                  ? "exactly"
			      : item_count(node) < (size_t)key->min ? "at least"
								    : "at most",
			      (long long)(item_count(node) < (size_t)key->min ? key->min : key->max), item_count(node));

	*items = xcalloc(item_count(node), table->size);
	for (size_t i = 0; i < item_count(node); i++) {
		/* Counted first: schema_release() frees what a failure left in it. */
		char *item = *items + (*count)++ * table->size;
		int code = read_mapping(table, d, document_node(d, node->data.sequence.items.start[i]), item);

		if (code == 0)
			code = check_unique(d, key, *items, *count);
		if (code)
			return code;
	}
	return 0;
}

/* ---- mappings ---- */

static int unknown_key(const struct document *d, const struct schema_table *table, const yaml_node_t *node,
		       const char *name)
{
	_free_ char *list = xstrdup("");
	struct nearest n = nearest_to(name);

	for (const struct schema_key *key = table->keys; key->name; key++) {
		char *longer = xasprintf("%s%s%s", list, key == table->keys ? "" : ", ", key->name);

		free(list);
		list = longer;
		nearest_consider(&n, key->name);
	}
	return failed(ERR_USAGE, "%s:%d: unknown key '%.64s' in %s: expected one of %s%s%s%s", d->file,
		      document_line(node), name, table->what, list, n.best ? ", did you mean '" : "",
		      n.best ? n.best : "", n.best ? "'?" : "");
}

static int read_value(struct document *d, const struct schema_key *key, const yaml_node_t *node, void *base)
{
	const char *text = NULL;
	int code;

	if (key->type == SCHEMA_TEXTS)
		return read_texts(d, key, node, base);
	if (key->type == SCHEMA_WORDS)
		return read_words(d, key, node, base);
	if (key->type == SCHEMA_LIST)
		return read_list(d, key, node, base);
	if (key->type == SCHEMA_MAPPING)
		return node->type == YAML_MAPPING_NODE ? read_mapping(key->table, d, node, at(base, key->offset))
						       : wrong_kind(d, node, key->name, type_name(key->type));

	code = scalar(d, node, key->name, type_name(key->type), &text);
	if (code == 0 && read_text(d, key, text, base))
		code = bad_value(d, document_line(node), key);
	return code;
}

/* What was not given: its default, or an error. */
static int read_absent(const struct schema_table *table, struct document *d, const yaml_node_t *node, const int *lines,
		       void *out)
{
	for (size_t i = 0; table->keys[i].name; i++) {
		const struct schema_key *key = &table->keys[i];

		if (lines[i] != 0)
			continue;
		if (key->required)
			return failed(ERR_USAGE, "%s:%d: %s lacks the key '%s': %s", d->file, document_line(node),
				      table->what, key->name, key->help);
		/* Defaults stand in the table, and are as it demands. */
		if (key->initial)
			must(read_text(d, key, key->initial, out) == 0);
	}
	return 0;
}

static int read_mapping(const struct schema_table *table, struct document *d, const yaml_node_t *node, void *out)
{
	int lines[32] = { 0 }; /* of each key of the table; 0: not seen */

	if (node->type != YAML_MAPPING_NODE)
		return wrong_kind(d, node, table->what, "a mapping of keys to values");
	if (table->line_offset != 0)
		*(int *)at(out, table->line_offset) = document_line(node);

	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *key_node = document_node(d, pair->key);
		const char *name = NULL;
		size_t i = 0;
		int code = scalar(d, key_node, table->what, "a key", &name);

		if (code)
			return code;
		while (table->keys[i].name && strcmp(table->keys[i].name, name) != 0)
			i++;
		if (!table->keys[i].name)
			return unknown_key(d, table, key_node, name);
		must(i < sizeof lines / sizeof lines[0]);
		if (lines[i] != 0)
			return failed(ERR_USAGE, "%s:%d: duplicate key '%s': it stands in line %d already", d->file,
				      document_line(key_node), name, lines[i]);
		lines[i] = document_line(key_node);
		code = read_value(d, &table->keys[i], document_node(d, pair->value), out);
		if (code)
			return code;
		if (table->keys[i].line_offset != 0)
			*(int *)at(out, table->keys[i].line_offset) = lines[i];
	}
	return read_absent(table, d, node, lines, out);
}

int schema_read(const struct schema_table *table, struct document *document, void *out)
{
	return read_mapping(table, document, document_root(document), out);
}

/* ---- the rest ---- */

static void release_list(const struct schema_key *key, void *base)
{
	size_t *count = at(base, key->count_offset);
	char **items = at(base, key->offset);

	for (size_t i = 0; i < *count; i++)
		schema_release(key->table, *items + i * key->table->size);
	free_pointer(items);
	*count = 0;
}

static void release_texts(const struct schema_key *key, void *base)
{
	size_t *count = at(base, key->count_offset);
	char ***texts = at(base, key->offset);

	for (size_t i = 0; i < *count; i++)
		free((*texts)[i]);
	free_pointer(texts);
	*count = 0;
}

void schema_release(const struct schema_table *table, void *out)
{
	for (const struct schema_key *key = table->keys; key->name; key++) {
		if (key->type == SCHEMA_TEXT || key->type == SCHEMA_PATH)
			free_pointer(at(out, key->offset));
		else if (key->type == SCHEMA_TEXTS)
			release_texts(key, out);
		else if (key->type == SCHEMA_LIST)
			release_list(key, out);
		else if (key->type == SCHEMA_MAPPING)
			schema_release(key->table, at(out, key->offset));
		if (key->text_offset != 0)
			free_pointer(at(out, key->text_offset));
	}
}

void schema_describe(const struct schema_table *table, FILE *stream, int indent)
{
	for (const struct schema_key *key = table->keys; key->name; key++) {
		_free_ char *list = key->words ? list_words(key->words) : NULL;

		fprintf(stream, "%*s%s: %s%s%s%s%s%s\n", indent, "", key->name, list ? "" : type_name(key->type),
			list && key->words[1].word ? "one of " : "", list ? list : "",
			key->required ? "; required" : "", key->initial ? "; default: " : "",
			key->initial ? key->initial : "");
		fprintf(stream, "%*s%s\n", indent + 4, "", key->help);
		if (key->table)
			schema_describe(key->table, stream, indent + 4);
	}
}
