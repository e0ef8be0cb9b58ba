#include "repo/gather_item.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct item **free;
	struct item *items;
	unsigned free_count, count;
	bool closed;
};

static void batch_init(struct item *item)
{
	item->entries = xcalloc(BATCH_ENTRIES, sizeof *item->entries);
	item->prints = xcalloc(BATCH_ENTRIES, sizeof *item->prints);
	item->memberships = xcalloc(BATCH_ENTRIES, sizeof *item->memberships);
	item->group_of = xcalloc(BATCH_ENTRIES, sizeof *item->group_of);
	item->groups = xcalloc(BATCH_GROUPS, sizeof *item->groups);
	item->text = xmalloc(BATCH_TEXT);
	item->refs = secret_new(BATCH_REFS * sizeof *item->refs);
}

struct pool *pool_new(enum item_type type, unsigned count, size_t data_size)
{
	struct pool *p = xcalloc(1, sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given, NULL);
	p->count = p->free_count = count;
	p->items = xcalloc(count, sizeof *p->items);
	p->free = xcalloc(count, sizeof(struct item *));
	for (unsigned i = 0; i < count; i++) {
		struct item *item = &p->items[i];

		item->type = type;
		item->pool = p;
		if (type == ITEM_BATCH)
			batch_init(item);
		if (type == ITEM_GROUP || type == ITEM_PIECE)
			item->data = xmalloc(data_size);
		if (type == ITEM_PIECE)
			item->refs = secret_new(sizeof *item->refs);
		if (type == ITEM_GROUP)
			item->members = xcalloc(BATCH_ENTRIES, sizeof *item->members);
		p->free[i] = item;
	}
	return p;
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	must(p->free_count == p->count);
	for (unsigned i = 0; i < p->count; i++) {
		struct item *item = &p->items[i];

		free(item->entries);
		free(item->prints);
		free(item->memberships);
		free(item->group_of);
		free(item->groups);
		free(item->members);
		free(item->text);
		secret_free(item->refs);
		free(item->data);
	}
	free(p->items);
	free(p->free);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->given);
	free(p);
}

struct item *pool_take(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->free_count == 0 && !p->closed)
		pthread_cond_wait(&p->given, &p->lock);
	struct item *item = p->closed ? NULL : p->free[--p->free_count];
	pthread_mutex_unlock(&p->lock);

	if (item == NULL)
		return NULL;
	item->count = item->ref_count = item->group_count = item->small_count = item->incomplete = 0;
	item->member_count = item->late_count = item->from = 0;
	item->small_bytes = item->new_bytes = 0;
	item->text_len = item->len = 0;
	item->has_split = item->ends_file = item->first = false;
	return item;
}

void pool_close(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
}

void pool_give(struct item *item)
{
	struct pool *p = item->pool;

	pthread_mutex_lock(&p->lock);
	p->free[p->free_count++] = item;
	pthread_cond_signal(&p->given);
	pthread_mutex_unlock(&p->lock);
}

static void *room(struct item *item, size_t size)
{
	size_t at = (item->text_len + 7) & ~(size_t)7;

	if (size > BATCH_TEXT || at > BATCH_TEXT - size)
		return NULL;
	item->text_len = at + size;
	return item->text + at;
}

static bool copy_text(struct item *item, const char **text, size_t len)
{
	if (*text == NULL)
		return true;
	char *copy = room(item, len + 1);
	if (copy == NULL)
		return false;
	memcpy(copy, *text, len);
	copy[len] = '\0';
	*text = copy;
	return true;
}

bool item_set_extents(struct item *item, struct entry *e, const struct extent *extents, uint32_t count)
{
	struct extent *copy = room(item, count * sizeof *copy);

	if (copy == NULL)
		return false;
	if (count > 0)
		memcpy(copy, extents, count * sizeof *copy);
	e->extents = copy;
	e->extent_count = count;
	return true;
}

static bool copy_xattrs(struct item *item, struct entry *e)
{
	struct xattr *copy = room(item, e->xattr_count * sizeof *copy);

	if (copy == NULL)
		return false;
	for (uint32_t i = 0; i < e->xattr_count; i++) {
		const char *value = (const char *)e->xattrs[i].value;

		copy[i] = e->xattrs[i];
		if (!copy_text(item, &copy[i].name, copy[i].name_len) || !copy_text(item, &value, copy[i].value_len))
			return false;
		copy[i].value = (const uint8_t *)value;
	}
	e->xattrs = copy;
	return true;
}

/* Where there is no room, it goes without the name: its number says whose it is. */
static void keep_name(struct item *item, const char **name, uint32_t *len)
{
	const char *text = (const char *)item->text;
	bool kept = *name >= text && *name < text + BATCH_TEXT;

	if (!kept && !copy_text(item, name, *len)) {
		*name = NULL;
		*len = 0;
	}
}

void item_keep_owners(struct item *item, struct entry *e)
{
	keep_name(item, &e->user, &e->user_len);
	keep_name(item, &e->group, &e->group_len);
}

bool item_add_entry(struct item *item, const struct entry *e, const struct stat_print *print)
{
	size_t before = item->text_len;
	struct entry copy = *e;

	if (item->count >= BATCH_ENTRIES)
		return false;
	bool fits = copy_text(item, &copy.path, copy.path_len) && copy_text(item, &copy.user, copy.user_len) &&
		    copy_text(item, &copy.group, copy.group_len) && copy_text(item, &copy.target, copy.target_len) &&
		    copy_text(item, &copy.link, copy.link_len) &&
		    item_set_extents(item, &copy, e->extents, e->extent_count) && copy_xattrs(item, &copy);
	if (!fits) {
		item->text_len = before;
		return false;
	}
	item->entries[item->count] = copy;
	item->prints[item->count] = *print;
	item->memberships[item->count] = MEMBER_NOT;
	item->group_of[item->count] = 0;
	item->count++;
	return true;
}

bool item_is_filled(const struct item *item, unsigned sixteenths)
{
	return item->count >= BATCH_ENTRIES / 16 * sixteenths || item->text_len >= BATCH_TEXT / 16 * sixteenths;
}
