#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "crypto/passphrase.h"
#include "keys.h"
#include "report/json.h"

/* clang-format off */
const struct option_row init_rows[] = {
	{ .name = "dir",
	  .value = "DIR",
	  .help = "Where the files go; made (0700) when it is not there.",
	  .offset = offsetof(struct init_options, dir),
	  .type = OPTION_TEXT,
	  .choices = "DIR" },
	{ .name = "role",
	  .value = "ROLE",
	  .help = "Whose key: agent, operator, validator, pruner, or all (the default).",
	  .offset = offsetof(struct init_options, role),
	  .type = OPTION_TEXT,
	  .choices = "agent|operator|validator|pruner|all" },
	{ .name = "passphrase",
	  .help = "Ask for a passphrase for operator and validator keys.",
	  .offset = offsetof(struct init_options, passphrase),
	  .type = OPTION_FLAG },
	{ .name = "passphrase-file",
	  .value = "FILE",
	  .help = "Take the passphrase from the first line of FILE.",
	  .offset = offsetof(struct init_options, passphrase_file),
	  .type = OPTION_TEXT,
	  .choices = "FILE" },
	{ 0 },
};
/* clang-format on */

/* clang-format off */
static const struct purpose {
	enum role role;
	bool takes_passphrase;
	const char *secret, *public;
} purposes[] = {
	{ .role = ROLE_AGENT,
	  .secret = "signs snapshots; stays on the data host, for the agent alone",
	  .public = "copy to every host that restores, verifies or prunes" },
	{ .role = ROLE_OPERATOR,
	  .takes_passphrase = true,
	  .secret = "opens snapshots, for restores; keep it off the data host, offline, and on paper",
	  .public = "copy to the data host (snapshots are sealed to it) and to every other host" },
	{ .role = ROLE_VALIDATOR,
	  .takes_passphrase = true,
	  .secret = "opens snapshots, for checks of the data; move it to the validation host",
	  .public = "copy to the data host (snapshots are sealed to it)" },
	{ .role = ROLE_PRUNER,
	  .secret = "signs what expires; move it to the second host that prunes, or delete it",
	  .public = "copy to every host, if a second host prunes" },
};
/* clang-format on */

#define PURPOSES (sizeof purposes / sizeof purposes[0])

struct made {
	const struct purpose *purpose;
	struct public_key public;
	bool passphrase;
};

static bool is_wanted(const struct init_options *o, const struct purpose *p)
{
	return o->role == NULL || strcmp(o->role, "all") == 0 || strcmp(o->role, role_name(p->role)) == 0;
}

static int check_options(const struct init_options *o)
{
	bool asked = o->passphrase || o->passphrase_file != NULL, taken = false;

	if (o->dir == NULL)
		return failed(ERR_USAGE, "--dir DIR is missing: where should the keys go?");
	if (o->passphrase && o->passphrase_file != NULL)
		return failed(ERR_USAGE, "--passphrase and --passphrase-file exclude each other");
	for (size_t i = 0; i < PURPOSES; i++)
		taken = taken || (is_wanted(o, &purposes[i]) && purposes[i].takes_passphrase);
	if (asked && !taken)
		return failed(ERR_USAGE,
			      "the %s runs unattended: its key takes no passphrase, the mode of its file protects it",
			      o->role);
	return 0;
}

static int check_absent(const struct init_options *o)
{
	int code = 0;

	for (size_t i = 0; i < PURPOSES && code == 0; i++)
		if (is_wanted(o, &purposes[i]))
			code = key_check_absent(o->dir, purposes[i].role);
	return code;
}

/* *use: `buf`, or NULL when no passphrase is wanted. */
static int get_passphrase(const struct init_options *o, struct buf *buf, const struct buf **use)
{
	_free_ char *file = o->passphrase_file == NULL ? NULL : xstrdup(o->passphrase_file);
	int code = 0;

	*use = o->passphrase || file != NULL ? buf : NULL;
	buf_init_guarded(buf, PASSPHRASE_MAX, "the passphrase");
	if (file != NULL)
		code = passphrase_file(file, o->dir, buf);
	else if (o->passphrase)
		code = passphrase_choose(
			o->role == NULL || strcmp(o->role, "all") == 0 ? "operator.key, validator.key" : o->role, buf);
	return code;
}

static int make_one(const struct init_options *o, const struct purpose *p, const struct buf *passphrase,
		    struct made *made)
{
	_secret_ struct secret_key *key = key_generate(p->role);

	*made = (struct made){ p, key->public, p->takes_passphrase && passphrase != NULL };
	return key_save(o->dir, key, made->passphrase ? passphrase : NULL);
}

/* After a failure nothing is left of what this run made: a half set of keys would look like a whole one. */
static void remove_made(const char *dir, const struct made *made, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_free_ char *secret = xasprintf("%s/%s.key", dir, role_name(made[i].public.role));
		_free_ char *public = xasprintf("%s/%s.pub", dir, role_name(made[i].public.role));

		unlink(public);
		unlink(secret);
	}
}

static int make_all(const struct init_options *o, const struct buf *passphrase, struct made *made, size_t *count)
{
	int code = io_make_dirs(o->dir, 0700);

	*count = 0;
	for (size_t i = 0; i < PURPOSES && code == 0; i++) {
		if (!is_wanted(o, &purposes[i]))
			continue;
		code = make_one(o, &purposes[i], passphrase, &made[*count]);
		if (code == 0)
			(*count)++;
	}
	if (code != 0)
		remove_made(o->dir, made, *count);
	return code;
}

static void print_text(const char *dir, const struct made *made, size_t count)
{
	bool protected = false, open = false, unattended = false, has_operator = false;

	printf("Made in %s:\n\n", dir);
	for (size_t i = 0; i < count; i++) {
		const char *role = role_name(made[i].public.role);
		char fingerprint[FINGERPRINT_MAX];

		printf("  %s, fingerprint %s\n", role, keys_fingerprint(&made[i].public, fingerprint));
		printf("    %s.key  %s\n    %s.pub  %s\n\n", role, made[i].purpose->secret, role,
		       made[i].purpose->public);
		protected = protected || made[i].passphrase;
		open = open || (made[i].purpose->takes_passphrase && !made[i].passphrase);
		has_operator = has_operator || made[i].purpose->role == ROLE_OPERATOR;
		unattended = unattended || !made[i].purpose->takes_passphrase;
	}
	if (protected)
		printf("Operator and validator keys are under the passphrase. Without it they are lost, and with them "
		       "the "
		       "snapshots.\n");
	if (protected && unattended)
		printf("Agent and pruner keys have none, since they work unattended: the mode of their files protects "
		       "them.\n");
	if (open)
		printf("No passphrase protects what opens snapshots: whoever reads these .key files reads the "
		       "backups.\n");
	if (has_operator)
		printf("Put the operator's key on paper, in a safe: nightfold-keys paper %s/operator.key\n", dir);
}

static int print_json(const char *dir, const struct made *made, size_t count)
{
	struct json *j = json_new();

	json_object(j);
	json_put_text(j, "dir", dir);
	json_key(j, "keys");
	json_array(j);
	for (size_t i = 0; i < count; i++) {
		const char *role = role_name(made[i].public.role);
		_free_ char *secret = xasprintf("%s/%s.key", dir, role);
		_free_ char *public = xasprintf("%s/%s.pub", dir, role);

		json_object(j);
		json_put_text(j, "role", role);
		json_put_hex(j, "id", made[i].public.id, KEY_ID_SIZE);
		json_put_bool(j, "passphrase", made[i].passphrase);
		json_put_text(j, "secret_file", secret);
		json_put_text(j, "secret_use", made[i].purpose->secret);
		json_put_text(j, "public_file", public);
		json_put_text(j, "public_use", made[i].purpose->public);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);

	int code = json_print(j, stdout);

	json_free(j);
	return code;
}

int keys_init(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct init_options *o = own;
	_buf_ struct buf buf = { 0 };
	const struct buf *passphrase = NULL;
	struct made made[PURPOSES];
	size_t count;
	int code = check_options(o);

	(void)argc, (void)argv;
	if (code == 0)
		code = check_absent(o);
	if (code == 0)
		code = get_passphrase(o, &buf, &passphrase);
	if (code == 0)
		code = make_all(o, passphrase, made, &count);
	if (code != 0)
		return keys_end(code);
	if (common->json)
		return keys_end(print_json(o->dir, made, count));
	print_text(o->dir, made, count);
	return EXIT_DONE;
}
