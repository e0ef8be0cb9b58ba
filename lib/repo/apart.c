#include "repo/apart.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/dataset_key.h"
#include "zone/zone.h"

/* Takes the path over. */
static void add(struct apart *a, char *path)
{
	if (path == NULL)
		return;
	a->paths = xrealloc(a->paths, a->count + 1, sizeof *a->paths);
	a->paths[a->count++] = path;
}

void apart_find(const struct config *config, struct apart *out)
{
	DIR *keys = config->keys_dir == NULL ? NULL : opendir(config->keys_dir);

	*out = (struct apart){ 0 };
	for (size_t i = 0; i < config->zone_count; i++)
		add(out, zone_folder(config->zones[i].url));
	if (config->state != NULL)
		add(out, xstrdup(config->state));
	for (size_t i = 0; i < config->dataset_count; i++) {
		if (config->datasets[i].cache_in_memory)
			add(out, xstrdup(config->memory_dir));
	}
	for (const struct dirent *entry; keys != NULL && (entry = readdir(keys)) != NULL;) {
		size_t len = strlen(entry->d_name), suffix = strlen(DATASET_KEY_SUFFIX);

		if (len > suffix && strcmp(entry->d_name + len - suffix, DATASET_KEY_SUFFIX) == 0)
			add(out, xasprintf("%s/%s", config->keys_dir, entry->d_name));
	}
	if (keys != NULL)
		closedir(keys);
}

void apart_release(struct apart *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->paths[i]);
	free(a->paths);
	*a = (struct apart){ 0 };
}
