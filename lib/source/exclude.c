#include "source/exclude.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/limits.h"

/* A pattern's component may be longer than the names it matches: [a-z] is five bytes for one. */
#define COMPONENT_MAX 1024

struct pattern {
	char *text; /* its components, one after the other, NUL-terminated each; one only where it matches names */
	size_t components;
	bool whole_path, folders_only;
};

struct exclude {
	struct pattern *patterns;
	size_t count;
};

static int pattern_init(struct pattern *p, const char *text)
{
	size_t len = strlen(text);

	p->folders_only = len > 0 && text[len - 1] == '/';
	while (len > 0 && text[len - 1] == '/')
		len--;
	p->whole_path = memchr(text, '/', len) != NULL;
	p->text = xmalloc(len + 1);

	char *to = p->text;
	for (const char *from = text, *end = text + len; from < end;) {
		const char *slash = memchr(from, '/', (size_t)(end - from));
		size_t n = (size_t)((slash == NULL ? end : slash) - from);

		if (n > COMPONENT_MAX)
			return failed(ERR_USAGE,
				      "exclude pattern '%.40s...': a part between two '/' is longer than %d bytes",
				      text, COMPONENT_MAX);
		if (n > 0) {
			memcpy(to, from, n);
			to[n] = '\0';
			to += n + 1;
			p->components++;
		}
		from += n + (slash != NULL);
	}
	if (p->components == 0)
		return failed(
			ERR_USAGE,
			"exclude pattern '%s' matches nothing: give a name such as *.tmp or a path such as /cache",
			text);
	return 0;
}

int exclude_new(const char *const *patterns, size_t count, struct exclude **out)
{
	struct exclude *x = xcalloc(1, sizeof *x);

	x->patterns = xcalloc(count + 1, sizeof *x->patterns);
	for (size_t i = 0; i < count; i++) {
		x->count++;

		int code = pattern_init(&x->patterns[i], patterns[i]);
		if (code != 0) {
			exclude_free(x);
			return code;
		}
	}
	*out = x;
	return 0;
}

void exclude_free(struct exclude *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->count; i++)
		free(x->patterns[i].text);
	free(x->patterns);
	free(x);
}

/* A place in a pattern or path: where its next component stands, and how many are left. */
struct place {
	const char *at;
	size_t left;
};

static struct place behind(struct place p)
{
	return (struct place){ p.at + strcspn(p.at, "/") + 1, p.left - 1 };
}

static struct place behind_component(struct place p)
{
	return (struct place){ p.at + strlen(p.at) + 1, p.left - 1 };
}

static bool matches_component(const char *pattern, const char *component)
{
	char name[ENTRY_NAME_MAX + 1];
	size_t len = strcspn(component, "/");

	if (len > ENTRY_NAME_MAX)
		return false;
	memcpy(name, component, len);
	name[len] = '\0';
	return fnmatch(pattern, name, 0) == 0;
}

/* As with '*' in a name: only the last "**" ever needs to be tried again with one component more. */
static bool matches_path(const struct pattern *p, const char *path)
{
	struct place pattern = { p->text, p->components }, at = { path, 1 }, retry_pattern = { NULL, 0 },
		     retry_at = { NULL, 0 };

	for (const char *c = path; *c != '\0'; c++)
		at.left += *c == '/';
	while (at.left > 0) {
		if (pattern.left > 0 && strcmp(pattern.at, "**") == 0) {
			if (pattern.left == 1)
				return true;
			pattern = retry_pattern = behind_component(pattern);
			retry_at = at;
		} else if (pattern.left > 0 && matches_component(pattern.at, at.at)) {
			pattern = behind_component(pattern);
			at = behind(at);
		} else if (retry_at.left > 0) {
			at = retry_at = behind(retry_at);
			pattern = retry_pattern;
		} else {
			return false;
		}
	}
	return pattern.left == 0;
}

bool exclude_matches(const struct exclude *x, const char *path, const char *name, bool is_folder)
{
	for (size_t i = 0; i < x->count; i++) {
		const struct pattern *p = &x->patterns[i];

		if (p->folders_only && !is_folder)
			continue;
		if (p->whole_path ? matches_path(p, path) : fnmatch(p->text, name, 0) == 0)
			return true;
	}
	return false;
}
