/* check-config: the file itself, then all that it names on this host. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "commands.h"
#include "config/review.h"
#include "report/json.h"
#include "report/progress.h"
#include "session.h"

struct remark {
	enum review_level level;
	int line;
	char *text;
};

struct checking {
	struct session session;
	struct remark *remarks;
	size_t count, errors;
};

static void add_remark(void *context, enum review_level level, int line, const char *text)
{
	struct checking *c = context;

	c->remarks = xrealloc(c->remarks, c->count + 1, sizeof *c->remarks);
	c->remarks[c->count++] = (struct remark){ .level = level, .line = line, .text = xstrdup(text) };
	c->errors += level == REVIEW_ERROR;
}

static void say_remarks(const struct checking *c)
{
	const char *file = c->session.config->file;

	for (size_t i = 0; i < c->count; i++) {
		const struct remark *m = &c->remarks[i];
		_free_ char *place = m->line > 0 ? xasprintf("%s:%d", file, m->line) : xstrdup(file);

		if (m->level == REVIEW_ERROR)
			log_error("%s: %s", place, m->text);
		else if (m->level == REVIEW_WARNING)
			log_warning("%s: %s", place, m->text);
	}
}

static void put_remarks(const struct checking *c, struct json *j, const char *key, enum review_level level)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < c->count; i++) {
		if (c->remarks[i].level != level)
			continue;
		json_object(j);
		json_put_int(j, "line", c->remarks[i].line);
		json_put_text(j, "text", c->remarks[i].text);
		json_close_object(j);
	}
	json_close_array(j);
}

static int print_json(const struct checking *c)
{
	const char *lines[SESSION_NOTES_MAX];
	size_t count = session_notes(&c->session, lines);
	struct json *j = json_new();

	json_object(j);
	json_put_bool(j, "ok", c->errors == 0);
	json_put_int(j, "datasets", (int64_t)c->session.config->dataset_count);
	json_put_int(j, "products", (int64_t)c->session.config->product_count);
	put_remarks(c, j, "errors", REVIEW_ERROR);
	put_remarks(c, j, "warnings", REVIEW_WARNING);
	json_key(j, "notes");
	json_array(j);
	for (size_t i = 0; i < count; i++)
		json_text(j, lines[i]);
	for (size_t i = 0; i < c->count; i++) {
		if (c->remarks[i].level == REVIEW_NOTE)
			json_text(j, c->remarks[i].text);
	}
	json_close_array(j);
	json_close_object(j);
	int code = json_print(j, stdout);
	json_free(j);
	return code;
}

static void print_words(const struct checking *c)
{
	const struct config *config = c->session.config;
	const char *lines[SESSION_NOTES_MAX];
	size_t count = session_notes(&c->session, lines);
	char texts[4][COUNT_TEXT_MAX];

	if (c->errors == 0)
		printf("%s: good: %s, %s, %s, %s\n", config->file,
		       format_count(config->zone_count, "zone", "zones", texts[0]),
		       format_count(config->dataset_count, "dataset", "datasets", texts[1]),
		       format_count(config->recipient_count, "recipient", "recipients", texts[2]),
		       format_count(config->signer_count, "signer", "signers", texts[3]));
	for (size_t i = 0; i < count; i++)
		printf("note: %s\n", lines[i]);
	for (size_t i = 0; i < c->count; i++) {
		if (c->remarks[i].level == REVIEW_NOTE)
			printf("note: %s\n", c->remarks[i].text);
	}
}

/* Where the keys of the key cache are to be in memory, that has to be memory. */
static void check_memory(struct checking *c)
{
	const struct config *config = c->session.config;

	for (size_t i = 0; i < config->dataset_count; i++) {
		if (config->datasets[i].cache_in_memory && io_check_memory(config->memory_dir) != 0) {
			_free_ char *text = xasprintf("cache_key: memory: %s", err_message());

			add_remark(c, REVIEW_ERROR, config->datasets[i].line, text);
		}
	}
}

/* What cannot even be read as a configuration is one error, which names its line itself. */
static int tell_unreadable(const struct common_options *common)
{
	log_error("%s", err_message());
	if (!common->json)
		return EXIT_USAGE;
	struct json *j = json_new();

	json_object(j);
	json_put_bool(j, "ok", false);
	json_key(j, "errors");
	json_array(j);
	json_object(j);
	json_put_text(j, "text", err_message());
	json_close_object(j);
	json_close_array(j);
	json_close_object(j);
	int code = json_print(j, stdout);
	json_free(j);
	return code != 0 ? exit_failed(code) : EXIT_USAGE;
}

int command_check_config(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct check_config_options *options = own;
	struct checking c = { 0 };
	int status, code;

	(void)argc;
	(void)argv;
	if (options->keys) {
		config_describe(stdout);
		return EXIT_DONE;
	}
	code = config_load(common->config, &c.session.config);
	if (code == 0)
		code = clock_init(c.session.config->test_clock);
	if (code != 0) {
		status = tell_unreadable(common);
	} else {
		config_review(c.session.config, add_remark, &c);
		check_memory(&c);
		say_remarks(&c);
		status = c.errors > 0 ? EXIT_USAGE : EXIT_DONE;
		code = common->json ? print_json(&c) : 0;
		if (!common->json)
			print_words(&c);
		status = code != 0 ? exit_failed(code) : status;
	}
	for (size_t i = 0; i < c.count; i++)
		free(c.remarks[i].text);
	free(c.remarks);
	session_close(&c.session);
	return status;
}
