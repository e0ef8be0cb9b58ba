#include "zone/call.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "format/names.h"
#include "zone/crew.h"

/* Names of a listing that are handed over at once. */
#define BATCH 256

struct listed {
	char name[OBJECT_NAME_MAX];
	uint64_t size;
};

/* Everything that an operation reads or writes, so that it can be left behind with a thread that hangs. */
struct call {
	struct task task;
	int refused; /* a read that is not made: the code, its message in the task */
	const struct zone_driver *driver;
	struct zone *z;
	char name[OBJECT_NAME_MAX]; /* or prefix */
	char what[64];              /* buf.what of a get */
	struct buf bytes;           /* to put, or that were read */
	uint64_t number;            /* offset, size, free bytes */
	int64_t now;
	unsigned count;
	const void *lent; /* to put, of the caller */
	bool flag;        /* replace, all, writing, durable; independent, same, given */
	bool same_device;
	char *texts[4]; /* of places: name and URL, twice */
	struct listed *batch;
	size_t batch_count;
	bool enough; /* the caller wants no more of a listing */
	char (*names)[OBJECT_NAME_MAX];
};

/* ---- zones that hang, by URL: none is waited for twice ---- */

static pthread_mutex_t hanging_lock = PTHREAD_MUTEX_INITIALIZER;
static char *hanging[8];

static void note_hanging(const char *url)
{
	pthread_mutex_lock(&hanging_lock);
	for (size_t i = 0; i < sizeof hanging / sizeof hanging[0]; i++) {
		if (hanging[i] != NULL && strcmp(hanging[i], url) == 0)
			break;
		if (hanging[i] == NULL) {
			hanging[i] = xstrdup(url);
			break;
		}
	}
	pthread_mutex_unlock(&hanging_lock);
}

static bool is_hanging(const char *url)
{
	bool found = false;

	pthread_mutex_lock(&hanging_lock);
	for (size_t i = 0; i < sizeof hanging / sizeof hanging[0]; i++)
		found = found || (hanging[i] != NULL && strcmp(hanging[i], url) == 0);
	pthread_mutex_unlock(&hanging_lock);
	return found;
}

/* ---- calls ---- */

static void release(struct task *t)
{
	struct call *c = (struct call *)t;

	buf_release(&c->bytes);
	for (size_t i = 0; i < sizeof c->texts / sizeof c->texts[0]; i++)
		free(c->texts[i]);
	free(c->batch);
	free(c->names);
	free(c);
}

static struct call *call_new(struct zone *z, int (*work)(struct task *t), const char *name)
{
	struct call *c = xcalloc(1, sizeof *c);

	c->task.work = work;
	c->task.release = release;
	c->z = z;
	c->driver = z == NULL ? NULL : z->driver;
	strncpy(c->name, name, sizeof c->name - 1);
	return c;
}

/* Waits until it ends or pauses. *gone: it hangs, and is not ours any more. */
static int wait_for(struct call *c, bool *gone)
{
	const struct zone *z = c->z;
	int code = crew_wait(z->crew, &c->task, gone);

	if (*gone)
		note_hanging(z->url);
	if (*gone || (code != 0 && c->task.state == TASK_WAITING))
		return failed_in(code, "zone %s", z->name);
	return code;
}

/* Runs it, or goes on with it. */
static int run(struct call *c, bool *gone)
{
	crew_begin(c->z->crew, &c->task);
	return wait_for(c, gone);
}

/* For calls that give nothing back. */
static int run_and_release(struct call *c)
{
	bool gone;
	int code = run(c, &gone);

	if (!gone)
		release(&c->task);
	return code;
}

/* ---- opening ---- */

static struct zone_place place_of(const struct call *c, size_t i)
{
	return (struct zone_place){ .name = c->texts[2 * i], .url = c->texts[2 * i + 1] };
}

static void keep_place(struct call *c, size_t i, const struct zone_place *place)
{
	c->texts[2 * i] = xstrdup(place->name);
	c->texts[2 * i + 1] = xstrdup(place->url);
}

static int do_open(struct task *t)
{
	struct call *c = (struct call *)t;
	const struct zone_place place = place_of(c, 0);

	return c->driver->open(&place, c->flag, &c->z);
}

static int do_same_place(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->same_place(c->texts[1], c->texts[3], &c->flag, &c->same_device);
}

/* With a crew of its own: there is no zone yet. */
static int run_alone(struct call *c, struct crew *crew, const struct zone_place *place, bool *gone)
{
	*gone = false;
	if (is_hanging(place->url))
		return failed(ERR_UNAVAILABLE, "zone %s: it did not answer before, and is not asked again",
			      place->name);
	int code = crew_run(crew, &c->task, gone);
	if (*gone) {
		note_hanging(place->url);
		code = failed_in(code, "zone %s", place->name);
	}
	return code;
}

int call_open(const struct zone_driver *driver, const struct zone_place *place, bool writing, struct zone **out)
{
	struct call *c = call_new(NULL, do_open, "");
	struct crew *crew = crew_new(place->name);
	bool gone;

	c->driver = driver;
	c->flag = writing;
	keep_place(c, 0, place);
	int code = run_alone(c, crew, place, &gone);
	if (code == 0) {
		*out = c->z;
		(*out)->driver = driver;
		(*out)->crew = crew;
		(*out)->name = xstrdup(place->name);
		(*out)->url = xstrdup(place->url);
	} else if (!crew_free(crew)) {
		return code;
	}
	release(&c->task);
	return code;
}

void call_close(struct zone *z)
{
	/* A thread that hangs is still in there. */
	if (!crew_free(z->crew))
		return;
	free(z->name);
	free(z->url);
	z->driver->close(z);
}

int call_same_place(const struct zone_driver *driver, const struct zone_place *a, const struct zone_place *b,
		    bool *same, bool *same_device)
{
	struct call *c = call_new(NULL, do_same_place, "");
	_free_ char *both = xasprintf("%s or %s", a->name, b->name);
	struct crew *crew = crew_new(both);
	bool gone;

	c->driver = driver;
	keep_place(c, 0, a);
	keep_place(c, 1, b);
	int code = crew_run(crew, &c->task, &gone);
	*same = code == 0 && c->flag;
	*same_device = code == 0 && c->same_device;
	if (!crew_free(crew)) {
		/* Which of them is found out when they are opened. */
		return 0;
	}
	release(&c->task);
	return code;
}

/* ---- reading ---- */

static int do_get(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->get(c->z, c->name, &c->bytes);
}

int call_get(struct zone *z, const char *name, struct buf *out)
{
	struct call *c = call_new(z, do_get, name);
	bool gone;

	strncpy(c->what, out->what == NULL ? "" : out->what, sizeof c->what - 1);
	buf_init(&c->bytes, out->max - out->len, c->what);
	int code = run(c, &gone);
	if (gone)
		return code;
	if (code == 0 && out->data == NULL && !out->guarded && !out->spilled) {
		/* Nothing there yet: handed over as it is. */
		out->data = c->bytes.data;
		out->len = c->bytes.len;
		out->cap = c->bytes.cap;
		c->bytes.data = NULL;
	} else if (code == 0) {
		code = buf_append(out, c->bytes.data, c->bytes.len);
	}
	release(&c->task);
	return code;
}

static int do_get_range(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->get_range(c->z, c->name, c->number, c->bytes.len, c->bytes.data);
}

/* Memory that was touched before costs nothing: a range of some size in fresh memory is a page fault every 4 KiB. */
static void make_room(struct call *c, size_t len)
{
	if (len > c->bytes.cap) {
		buf_release(&c->bytes);
		c->bytes.data = xmalloc(len);
		c->bytes.cap = len;
	}
	c->bytes.len = len;
}

void call_read_begin(struct call **read, struct zone *z, int refused, const char *name, uint64_t offset, size_t len)
{
	if (*read == NULL)
		*read = call_new(z, do_get_range, "");
	struct call *c = *read;

	must(!c->task.begun);
	c->z = z;
	c->driver = z->driver;
	c->number = offset;
	c->refused = refused;
	c->task.state = TASK_WAITING;
	if (refused != 0) {
		snprintf(c->task.message, sizeof c->task.message, "%s", err_message());
		return;
	}
	snprintf(c->name, sizeof c->name, "%s", name);
	make_room(c, len);
	crew_begin(z->crew, &c->task);
}

int call_read_end(struct call **read, uint8_t **data)
{
	struct call *c = *read;
	bool gone;

	if (c->refused != 0)
		return err_adopt(c->refused, c->task.message);
	int code = wait_for(c, &gone);
	if (gone)
		*read = NULL;
	else
		*data = c->bytes.data;
	return code;
}

size_t call_read_room(const struct call *read)
{
	return read == NULL ? 0 : read->bytes.cap;
}

void call_read_release(struct call **read)
{
	uint8_t *data;

	if (*read != NULL && (*read)->task.begun)
		(void)!call_read_end(read, &data);
	if (*read != NULL)
		release(&(*read)->task);
	*read = NULL;
}

static int do_head(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->head(c->z, c->name, &c->number);
}

int call_head(struct zone *z, const char *name, uint64_t *size)
{
	struct call *c = call_new(z, do_head, name);
	bool gone;
	int code = run(c, &gone);

	if (gone)
		return code;
	if (code == 0)
		*size = c->number;
	release(&c->task);
	return code;
}

static int do_clock(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->clock(c->z, &c->now, &c->flag);
}

int call_clock(struct zone *z, int64_t *now, bool *independent)
{
	struct call *c = call_new(z, do_clock, "");
	bool gone;
	int code = run(c, &gone);

	if (gone)
		return code;
	if (code == 0) {
		*now = c->now;
		*independent = c->flag;
	}
	release(&c->task);
	return code;
}

static int do_space(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->space(c->z, &c->number);
}

int call_space(struct zone *z, uint64_t *free_bytes)
{
	struct call *c = call_new(z, do_space, "");
	bool gone;
	int code = run(c, &gone);

	if (gone)
		return code;
	if (code == 0)
		*free_bytes = c->number;
	release(&c->task);
	return code;
}

/* ---- listing ---- */

static int gather_name(void *context, const char *name, uint64_t size)
{
	struct call *c = context;
	struct listed *row = &c->batch[c->batch_count++];

	snprintf(row->name, sizeof row->name, "%s", name);
	row->size = size;
	if (c->batch_count < BATCH || (crew_pause(&c->task) && !c->enough))
		return 0;
	return failed(ERR_UNAVAILABLE, "nobody waits for this listing any more");
}

static int do_list(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->list(c->z, c->name, gather_name, c);
}

int call_list(struct zone *z, const char *prefix, zone_list_call call, void *context)
{
	struct call *c = call_new(z, do_list, prefix);
	_free_ char *message = NULL;
	bool gone;
	int code, stopped = 0;

	c->batch = xcalloc(BATCH, sizeof *c->batch);
	do {
		code = run(c, &gone);
		if (gone)
			break;
		for (size_t i = 0; i < c->batch_count && code == 0 && stopped == 0; i++)
			stopped = call(context, c->batch[i].name, c->batch[i].size);
		c->batch_count = 0;
		c->enough = stopped != 0;
		if (c->enough && message == NULL)
			message = xstrdup(err_message());
	} while (code == 0 && c->task.state == TASK_PAUSED);
	if (!gone)
		release(&c->task);
	return stopped != 0 ? err_adopt(stopped, message) : code;
}

/* ---- writing ---- */

static int do_put(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->put(c->z, c->name, c->bytes.data, c->bytes.len, c->flag);
}

int call_put(struct zone *z, const char *name, const void *data, size_t len, bool replace)
{
	struct call *c = call_new(z, do_put, name);

	c->flag = replace;
	buf_init(&c->bytes, len, "object");
	must(buf_append(&c->bytes, data, len) == 0);
	return run_and_release(c);
}

static int do_put_lent(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->put(c->z, c->name, c->lent, c->number, false);
}

int call_put_lent(struct zone *z, const char *name, const void *data, size_t len, bool *kept)
{
	struct call *c = call_new(z, do_put_lent, name);

	c->lent = data;
	c->number = len;
	int code = run(c, kept);
	if (!*kept)
		release(&c->task);
	return code;
}

static int do_remove(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->remove(c->z, c->name);
}

int call_remove(struct zone *z, const char *name)
{
	return run_and_release(call_new(z, do_remove, name));
}

static int do_remove_many(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->remove_many(c->z, (const char(*)[OBJECT_NAME_MAX])c->names, c->count, c->flag);
}

int call_remove_many(struct zone *z, const char (*names)[OBJECT_NAME_MAX], size_t count, bool durable)
{
	struct call *c = call_new(z, do_remove_many, "");

	c->names = xcalloc(count, sizeof *c->names);
	memcpy(c->names, names, count * sizeof *c->names);
	c->count = (unsigned)count;
	c->flag = durable;
	return run_and_release(c);
}

static int do_sweep(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->sweep(c->z, c->name, c->flag, &c->count);
}

int call_sweep(struct zone *z, const char *prefix, bool all, unsigned *count)
{
	struct call *c = call_new(z, do_sweep, prefix);
	bool gone;

	c->flag = all;
	int code = run(c, &gone);
	*count = gone ? 0 : c->count;
	if (!gone)
		release(&c->task);
	return code;
}

static int do_keep_reserve(struct task *t)
{
	struct call *c = (struct call *)t;

	if (c->driver->keep_reserve != NULL)
		c->driver->keep_reserve(c->z);
	return 0;
}

void call_keep_reserve(struct zone *z)
{
	_free_ char *message = xstrdup(err_message());

	/* The caller's own trouble, if there was any, is what it tells. */
	if (run_and_release(call_new(z, do_keep_reserve, "")) != 0)
		err_adopt(ERR_UNAVAILABLE, message);
}

static int do_give_reserve(struct task *t)
{
	struct call *c = (struct call *)t;

	return c->driver->give_reserve != NULL && c->driver->give_reserve(c->z) ? 0 : ERR_FULL;
}

bool call_give_reserve(struct zone *z)
{
	_free_ char *message = xstrdup(err_message());
	bool given = run_and_release(call_new(z, do_give_reserve, "")) == 0;

	err_adopt(ERR_FULL, message);
	return given;
}
