#include "source/source.h"

#include <string.h>

/* The one place that names the drivers. */
static const struct source_driver *const drivers[] = { &source_files_driver };

int source_open(const struct source_options *options, source_complaint complain, void *context, struct source **out)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
		if (strcmp(drivers[i]->type, options->type) != 0)
			continue;

		int code = drivers[i]->open(options, complain, context, out);
		if (code == 0)
			(*out)->driver = drivers[i];
		return code;
	}
	return failed(ERR_USAGE, "'%s' is no type of source known here: expected files", options->type);
}

void source_close(struct source *s)
{
	if (s != NULL)
		s->driver->close(s);
}

int source_next(struct source *s, const struct entry **entry, struct stat_print *print)
{
	return s->driver->next(s, entry, print);
}

void source_attributes(struct source *s, struct stat_print *print)
{
	s->driver->attributes(s, print);
}

void source_leave_out(struct source *s, const struct entry *e)
{
	s->driver->leave_out(s, e);
}

int source_read_begin(struct source *s, struct entry *e, struct stat_print *print)
{
	return s->driver->read_begin(s, e, print);
}

int source_read(struct source *s, void *data, size_t len, size_t *got)
{
	return s->driver->read(s, data, len, got);
}

int source_read_end(struct source *s, struct entry *e, struct stat_print *print, bool *same)
{
	return s->driver->read_end(s, e, print, same);
}
