#include "config/document.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/utf8.h"

static int line_of(const uint8_t *text, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static int check_bytes(const char *file, const struct buf *text)
{
	uint32_t code = 0;

	for (size_t i = 0, step; i < text->len; i += step) {
		step = utf8_next(text->data + i, text->len - i, &code);
		if (step == 0)
			return failed(ERR_USAGE, "%s:%d: not UTF-8: save the file in that encoding", file,
				      line_of(text->data, i));
		if (code == 0)
			return failed(ERR_USAGE, "%s:%d: a NUL byte: this is no text file", file,
				      line_of(text->data, i));
	}
	return 0;
}

static int parser_error(const char *file, const yaml_parser_t *parser, const struct buf *text)
{
	const char *problem = parser->problem ? parser->problem : "not YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		out_of_memory(text->len);
	if (parser->error == YAML_READER_ERROR) {
		size_t offset = parser->problem_offset < text->len ? parser->problem_offset : text->len;

		return failed(ERR_USAGE, "%s:%d: %s", file, line_of(text->data, offset), problem);
	}
	return failed(ERR_USAGE, "%s:%zu: %s%s%s", file, parser->problem_mark.line + 1, problem,
		      parser->context ? ", " : "", parser->context ? parser->context : "");
}

/* What the document's tree no longer shows, or shows too late: aliases, tags, depth, a second document. */
struct shape {
	unsigned depth, documents;
};

static int check_event(const char *file, const yaml_event_t *event, struct shape *shape)
{
	size_t line = event->start_mark.line + 1;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch ((int)event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++shape->documents > 1)
			return failed(ERR_USAGE, "%s:%zu: a second document begins here: expected one", file, line);
		break;
	case YAML_ALIAS_EVENT:
		return failed(ERR_USAGE, "%s:%zu: '*%s': aliases are not used here: write it out", file, line,
			      (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		shape->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		shape->depth++;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		shape->depth--;
		break;
	default:
		break;
	}
	if (shape->depth > DOCUMENT_DEPTH_MAX)
		return failed(ERR_USAGE, "%s:%zu: nested deeper than %d levels", file, line, DOCUMENT_DEPTH_MAX);
	if (anchor)
		return failed(ERR_USAGE, "%s:%zu: '&%s': anchors are not used here: write it out", file, line,
			      (const char *)anchor);
	if (tag)
		return failed(ERR_USAGE, "%s:%zu: '%s': tags are not used here", file, line, (const char *)tag);
	return 0;
}

/* libyaml takes no byte order mark when it is told the encoding; editors write one. */
static void begin(yaml_parser_t *parser, const struct buf *text)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	size_t skip = text->len >= sizeof mark && memcmp(text->data, mark, sizeof mark) == 0 ? sizeof mark : 0;

	if (!yaml_parser_initialize(parser))
		out_of_memory(text->len);
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, text->data + skip, text->len - skip);
}

static int check_events(const char *file, const struct buf *text)
{
	yaml_parser_t parser;
	struct shape shape = { 0 };
	bool end = false;
	int code = 0;

	begin(&parser, text);
	while (!end && code == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			code = parser_error(file, &parser, text);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		code = check_event(file, &event, &shape);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return code;
}

int document_load(const char *path, size_t max, struct document *out)
{
	_buf_ struct buf text = { 0 };
	yaml_parser_t parser;

	buf_init(&text, max, "a configuration file");
	int code = io_load(path, &text);
	if (code == ERR_MISSING)
		return failed_in(ERR_USAGE, "no configuration (name one with --config FILE)");
	if (code)
		return failed_in(ERR_USAGE, "configuration");
	code = check_bytes(path, &text);
	if (code == 0)
		code = check_events(path, &text);
	if (code)
		return code;

	begin(&parser, &text);
	if (!yaml_parser_load(&parser, &out->yaml)) {
		code = parser_error(path, &parser, &text);
	} else if (!yaml_document_get_root_node(&out->yaml)) {
		yaml_document_delete(&out->yaml);
		code = failed(ERR_USAGE, "%s: the file is empty", path);
	}
	yaml_parser_delete(&parser);
	if (code == 0)
		out->file = xstrdup(path);
	return code;
}

void document_release(struct document *d)
{
	yaml_document_delete(&d->yaml);
	free_pointer(&d->file);
}

yaml_node_t *document_root(struct document *d)
{
	return yaml_document_get_root_node(&d->yaml);
}

yaml_node_t *document_node(struct document *d, int number)
{
	return yaml_document_get_node(&d->yaml, number);
}

int document_line(const yaml_node_t *node)
{
	return (int)node->start_mark.line + 1;
}
