#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/io.h"
#include "config/review.h"

static char folder[64];

static char *in(const char *name)
{
	static char path[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
	return path[next];
}

static int set_up(void **state)
{
	static const char *const folders[] = { "keys",  "others",   "az1",    "az2",      "az1/in",
					       "state", "state/in", "source", "source/in" };

	(void)state;
	assert_int_equal(secret_init(), 0);
	strcpy(folder, "/tmp/nightfold-review-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		assert_int_equal(mkdir(in(folders[i]), 0700), 0);
	for (enum role role = ROLE_AGENT; role <= ROLE_PRUNER; role++) {
		_secret_ struct secret_key *key = key_generate(role), *other = key_generate(role);

		assert_int_equal(key_save(in("keys"), key, NULL), 0);
		assert_int_equal(key_save(in("others"), other, NULL), 0);
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct told {
	char text[8192];
	size_t count[REVIEW_ERROR + 1];
};

static void remember(void *context, enum review_level level, int line, const char *text)
{
	struct told *t = context;
	size_t len = strlen(t->text);

	t->count[level]++;
	snprintf(t->text + len, sizeof t->text - len, "%c%d: %s\n", "nwe"[level], line, text);
}

/* Each line is a configuration's; `@` stands for the folder. */
static const char *const lines[] = {
	"state: @/state",
	"agent_key: @/keys/agent.key",
	"zones:",
	"  - {name: one, url: \"file://@/az1\"}",
	"  - {name: two, url: \"file://@/az2\"}",
	"recipients:",
	"  - {name: operator, key: @/keys/operator.pub}",
	"products:",
	"  - {name: voice, backup: 30 days}",
	"datasets:",
	"  - name: calls",
	"    product: voice",
	"    class: message",
	"    source: {type: files, path: @/source}",
};
#define LINES (sizeof lines / sizeof lines[0])

/* The configuration, with another line of that number (from 1), or with one more behind it. */
static void look(int line, const char *text, bool more, struct told *t)
{
	_free_ char *whole = xstrdup("");
	struct config *c = NULL;

	*t = (struct told){ 0 };
	for (size_t i = 0; i < LINES; i++) {
		bool here = (int)i + 1 == line;
		char *longer = xasprintf("%s%s\n%s%s", whole, here && !more ? text : lines[i], here && more ? text : "",
					 here && more ? "\n" : "");
		free(whole);
		whole = longer;
	}
	for (char *at; (at = strchr(whole, '@')) != NULL;) {
		char *longer = xasprintf("%.*s%s%s", (int)(at - whole), whole, folder, at + 1);

		free(whole);
		whole = longer;
	}
	(void)unlink(in("nightfold.yaml"));
	assert_int_equal(io_create(in("nightfold.yaml"), whole, strlen(whole), 0600), 0);
	assert_int_equal(config_load(in("nightfold.yaml"), &c), 0);
	config_review(c, remember, t);
	config_free(c);
}

static void move_readers(bool back)
{
	static const char *const names[] = { "operator.key", "validator.key" };

	for (size_t i = 0; i < 2; i++) {
		_free_ char *here = xasprintf("%s/keys/%s", folder, names[i]);
		_free_ char *away = xasprintf("%s/source/in/%s", folder, names[i]);

		assert_int_equal(back ? rename(away, here) : rename(here, away), 0);
	}
}

static void what_is_as_it_should_be_is_not_told(void **state)
{
	struct told t;

	(void)state;
	/* Where the agent's key is, no key that opens snapshots is left. */
	move_readers(false);
	look(0, NULL, false, &t);
	assert_string_equal(t.text, "");
	move_readers(true);
}

static void a_key_that_opens_snapshots_beside_the_agents_is_told(void **state)
{
	struct told t;

	(void)state;
	look(0, NULL, false, &t);
	assert_int_equal(t.count[REVIEW_NOTE], 1);
	assert_non_null(strstr(t.text, "n0: beside agent_key lies what opens snapshots ("));
	assert_non_null(strstr(t.text, "operator.key"));
	assert_non_null(strstr(t.text, "validator.key"));
	assert_null(strstr(t.text, "pruner.key"));
}

static void what_is_named_is_looked_at(void **state)
{
	static const struct {
		int line;
		bool more;
		const char *text, *told;
		char level;
	} rows[] = {
		{ 2, false, "agent_key: @/keys/none.key", "e2: agent_key: '", 'e' },
		{ 2, false, "agent_key: @/keys/agent.pub", "is a public key: here the secret one is needed (agent.key)",
		  'e' },
		{ 2, false, "agent_key: @/keys/pruner.key", "is a key for the role pruner, not agent", 'e' },
		{ 2, false, "agent_key: @/open.key", "holds a secret but has mode 0644", 'e' },
		{ 2, true, "signers: [{name: a, key: @/others/agent.pub, roles: [agent]}]",
		  "is not among the signers of", 'e' },
		{ 2, true, "operator_key: @/keys/validator.key", "e3: operator_key: '", 'e' },
		{ 2, true, "operator_key: @/others/operator.key", "w3: operator_key: '", 'w' },
		{ 2, true, "validator_key: @/keys/operator.key", "role operator, not validator", 'e' },
		{ 2, true, "pruner_key: @/others/pruner.key", "is not among the signers of", 'e' },
		{ 2, true, "signers: [{name: a, key: @/keys/none.pub, roles: [agent]}]", "e3: signer 'a': cannot open",
		  'e' },
		{ 2, true, "signers: [{name: a, key: @/keys/agent.pub, roles: [operator]}]", "e3: signer 'a': '", 'e' },
		{ 2, true,
		  "signers: [{name: a, key: @/keys/agent.pub, roles: [agent]}, {name: b, key: @/keys/agent.pub, roles: "
		  "[agent]}]",
		  "is the key of another signer too", 'e' },
		{ 7, true, "  - {name: again, key: @/keys/operator.pub}", "e8: recipient 'again': '", 'e' },
		{ 7, true, "  - {name: none, key: @/keys/none.pub}", "e8: recipient 'none': cannot open", 'e' },
		{ 7, true, "  - {name: agent, key: @/keys/agent.pub}", "which cannot open anything", 'e' },
		{ 7, false, "  - {name: v, key: @/keys/validator.pub}", "e7: recipients: none is an operator", 'e' },
		{ 4, false, "  - {name: one, url: \"file://@/none\"}", "e4: zone one: cannot open its folder", 'e' },
		{ 1, false, "state: @/az1/state", "e1: state: '", 'e' },
		{ 1, true, "keys_dir: @/az2/not/yet", "lies in zone two: keys do not belong", 'e' },
		{ 1, true, "keys_dir: @/state/keys", "e2: keys_dir: '", 'e' },
		{ 14, false, "    source: {type: files, path: @/none}", "e14: dataset 'calls': source '", 'e' },
		{ 14, false, "    source: {type: files, path: @/az1/in}", "lies in zone one", 'e' },
		{ 14, false, "    source: {type: files, path: @/state/in}", "lies in the state folder", 'e' },
		{ 14, false, "    source: {type: files, path: @}", "w14: dataset 'calls': agent_key '", 'w' },
		{ 14, false, "    source: {type: files, path: @}", "w4: zone one lies in the source of dataset 'calls'",
		  'w' },
		{ 14, false, "    source: {type: files, path: @}", "n14: dataset 'calls': the state folder lies in",
		  'w' },
		{ 14, true, "    rpo: 31 days", "w15: dataset 'calls': its rpo is longer than '30 days'", 'w' },
		{ 14, true, "  - {name: b, product: voice, class: user, source: {type: files, path: @/source/in}}",
		  "w15: datasets 'calls' and 'b' overlap", 'w' },
		{ 9, true, "  - {name: sign, backup: 30 days}\n  - {name: ga, backup: 7 days}",
		  "n0: products of which no dataset is backed up: sign, ga", 'n' },
	};

	(void)state;
	assert_int_equal(link(in("keys/agent.key"), in("open.key")), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct told t;

		assert_int_equal(chmod(in("open.key"), strstr(rows[i].text, "open.key") ? 0644 : 0600), 0);
		look(rows[i].line, rows[i].text, rows[i].more, &t);
		if (strstr(t.text, rows[i].told) == NULL)
			print_error("%s\nnot in\n%s", rows[i].told, t.text);
		assert_non_null(strstr(t.text, rows[i].told));
		assert_int_equal(t.count[REVIEW_ERROR] > 0, rows[i].level == 'e');
		assert_int_equal(t.count[REVIEW_WARNING] > 0 && t.count[REVIEW_ERROR] == 0, rows[i].level == 'w');
	}
}

static void what_is_excluded_is_in_no_snapshot(void **state)
{
	struct told t;

	(void)state;
	look(14, "    source: {type: files, path: @, exclude: [/keys/, az?]}", false, &t);
	assert_null(strstr(t.text, "every snapshot"));
	look(14, "    source: {type: files, path: @, exclude: [\"*.key\"]}", false, &t);
	assert_null(strstr(t.text, "every snapshot"));
	look(14, "    source: {type: files, path: @, exclude: [\"*.pub\"]}", false, &t);
	assert_non_null(strstr(t.text, "agent_key '"));
}

static void a_host_without_the_agents_key_may_lack_what_the_agent_needs(void **state)
{
	struct told t;

	(void)state;
	look(2,
	     "operator_key: @/keys/operator.key\nkeys_dir: @/keys\nsigners: [{name: o, key: @/keys/operator.pub, "
	     "roles: "
	     "[operator]}]",
	     false, &t);
	assert_string_equal(t.text,
			    "n0: no agent_key, and no '/etc/nightfold/agent.key': this host takes no snapshots\n");
	assert_int_equal(rename(in("source"), in("elsewhere")), 0);
	look(2,
	     "operator_key: @/keys/operator.key\nkeys_dir: @/keys\nsigners: [{name: o, key: @/keys/operator.pub, "
	     "roles: "
	     "[operator]}]",
	     false, &t);
	assert_int_equal(t.count[REVIEW_ERROR], 0);
	assert_int_equal(t.count[REVIEW_WARNING], 1);
	look(2, "pruner_key: @/keys/pruner.key", false, &t);
	assert_int_equal(t.count[REVIEW_ERROR] + t.count[REVIEW_WARNING], 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_as_it_should_be_is_not_told),
		test(a_key_that_opens_snapshots_beside_the_agents_is_told),
		test(what_is_named_is_looked_at),
		test(what_is_excluded_is_in_no_snapshot),
		test(a_host_without_the_agents_key_may_lack_what_the_agent_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
