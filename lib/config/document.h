/*
 * A YAML file as a document tree (libyaml), of the plain kind that a configuration is: one document in UTF-8, no
 * anchors, aliases or tags, bounded in size and nesting. Private to lib/config.
 */
#ifndef CONFIG_DOCUMENT_H
#define CONFIG_DOCUMENT_H

#include <yaml.h>

#include "base/err.h"

#define DOCUMENT_DEPTH_MAX 8

struct document {
	char *file; /* as it was named, for messages */
	yaml_document_t yaml;
};

/* Every error is ERR_USAGE and names the file and, where there is one, the line. */
must_check int document_load(const char *path, size_t max, struct document *out);
void document_release(struct document *d); /* after a successful document_load() */

/* NULL never: a document that was loaded has a root. */
yaml_node_t *document_root(struct document *d);
yaml_node_t *document_node(struct document *d, int number);

/* Counted from 1. */
int document_line(const yaml_node_t *node);

#endif
