/* Destroying what is due, and only that. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/hex.h"
#include "repo/certificate.h"

#include "night.h"

/* ---- the system, seen and hindered ---- */

static atomic_uint listed, synced;
static const char *stuck; /* what has this in its name cannot be deleted */
static bool lying;        /* and yet it is said to be */

DIR *fdopendir(int fd)
{
	DIR *(*real)(int fd);

	*(void **)&real = dlsym(RTLD_NEXT, "fdopendir");
	listed++;
	return real(fd);
}

static bool seals_are_not_durable; /* a disk that fails just there */
int fsync(int fd)
{
	char link[64], path[512] = "";

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (seals_are_not_durable && readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/seals") != NULL) {
		errno = EIO;
		return -1;
	}
	synced++;
	return (int)syscall(SYS_fsync, fd);
}

int unlinkat(int folder, const char *path, int flags)
{
	if (stuck == NULL || strstr(path, stuck) == NULL)
		return (int)syscall(SYS_unlinkat, folder, path, flags);
	errno = EPERM;
	return lying ? 0 : -1;
}

static int setup(void **state)
{
	struct nights *n = nights_new();

	write_file(n, "a", 1000, 1);
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(unsetenv("NIGHTFOLD_TEST_NOW_Z0") | unsetenv("NIGHTFOLD_TEST_NOW_Z1"), 0);
	nights_free(*state);
	return 0;
}

static void what_is_due_is_destroyed_in_every_zone_and_certified(void **state)
{
	struct nights *n = *state;
	struct night t;
	uint8_t id[SNAPSHOT_ID_SIZE];
	_buf_ struct buf certificate = { 0 };

	whole_run(n, &n->agent, &t);
	memcpy(id, t.taken.header.id, sizeof id);
	night_end(&t);
	set_now(n, n->now + NIGHT_DAYS * INT64_C(86400) - 1);
	night_begin(n, &n->pruner, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.due, 0);
	night_end(&t);
	set_now(n, n->now + 1);
	night_begin(n, &n->pruner, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.due, 1);
	assert_int_equal(t.retired.destroyed, 1);
	assert_null(repo_newest(t.repo));
	night_end(&t);
	for (unsigned z = 0; z < 2; z++) {
		assert_int_equal(zone_count(n, z, "seals") + zone_count(n, z, "snapshots"), 0);
		assert_int_equal(zone_count(n, z, "intents"), 1);
	}

	_free_ char *path = certificate_path(n->pruner.state, NIGHT_DATASET, id);
	buf_init(&certificate, 65536, "certificate");
	assert_int_equal(io_load(path, &certificate), 0);
	assert_int_equal(buf_terminate(&certificate), 0);
	char *line_end = strchr((char *)certificate.data, '\n');
	assert_non_null(line_end);
	assert_non_null(strstr((char *)certificate.data, "\"deleted, read back absent\""));
	char *signature = strstr(line_end, "\"signature\":\"");
	uint8_t bytes[SIGNATURE_SIZE];
	assert_non_null(signature);
	signature += strlen("\"signature\":\"");
	assert_int_equal(hex_decode(signature, 2 * SIGNATURE_SIZE, bytes, sizeof bytes), 0);
	assert_int_equal(key_verify(&n->pruner.signer->public, CERTIFICATE_CONTEXT, certificate.data,
				    (size_t)(line_end - (char *)certificate.data), bytes),
			 0);

	/* Done once. */
	night_begin(n, &n->pruner, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.due, 0);
	night_end(&t);
}

static void a_zone_that_was_away_does_not_bring_back_what_was_destroyed(void **state)
{
	struct nights *n = *state;
	struct night t;

	run_night(n, &n->agent);
	days_pass(n, NIGHT_DAYS);
	zone_away(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.retired.owed, 1);
	assert_int_equal(t.retired.destroyed, 0);
	assert_true(told(&t, FINDING_LAG) > 0);
	night_end(&t);
	zone_back(n, 1);
	/* By the sync command alone: what the intent in one zone says is done in the other. */
	night_begin(n, &n->agent, &t);
	assert_int_equal(repo_sync(t.repo, t.leases, true, &t.synced), 0);
	assert_int_equal(t.synced.deleted, 2);
	night_end(&t);
	for (unsigned z = 0; z < 2; z++) {
		assert_int_equal(zone_count(n, z, "seals"), 1);
		assert_int_equal(zone_count(n, z, "snapshots"), 1);
	}
	set_now(n, n->now + 60);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_sound(n, 2);
}

static void a_doubtful_clock_destroys_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;

	run_night(n, &n->agent);
	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW_Z1", "2026-09-22T00:00:00Z", 1), 0);
	days_pass(n, NIGHT_DAYS);
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), ERR_REFUSED);
	assert_non_null(strstr(err_message(), "zone z1 says 2026-09-22T00:00:00Z"));
	assert_int_equal(zone_count(n, 0, "intents"), 0);
	night_end(&t);

	/* Accepted: the host's own clock counts. */
	n->config.clock_check = false;
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
}

static void a_clock_that_went_backwards_destroys_nothing(void **state)
{
	struct nights *n = *state;
	struct night t;

	run_night(n, &n->agent);
	days_pass(n, NIGHT_DAYS);
	run_night(n, &n->agent);
	n->product.backup.seconds = 3600;
	days_pass(n, -1);
	night_begin(n, &n->agent, &t);
	/* The one of tomorrow is quarantined, and there is nothing else. */
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.due, 0);
	assert_int_equal(night_snapshot(&t), 0);
	night_end(&t);
	set_now(n, n->now + 7200);
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), ERR_REFUSED);
	assert_non_null(strstr(err_message(), "it has been"));
	night_end(&t);
}

static void a_dry_run_says_what_is_due_and_leaves_it(void **state)
{
	struct nights *n = *state;
	struct night t;
	struct retire_options options = {
		.config = &n->config, .signer = n->agent.signer, .state = n->agent.state, .dry_run = true
	};

	run_night(n, &n->agent);
	days_pass(n, NIGHT_DAYS);
	night_begin(n, &n->agent, &t);
	assert_int_equal(retire_due(t.repo, &options, &t.retired), 0);
	assert_int_equal(t.retired.due, 1);
	assert_int_equal(t.retired.destroyed, 0);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "seals"), 1);
	assert_int_equal(zone_count(n, 0, "intents"), 0);
}

static void every_generation_of_a_seal_goes(void **state)
{
	struct nights *n = *state;
	struct night t;
	char name[OBJECT_NAME_MAX];

	run_night(n, &n->agent);
	night_begin(n, &n->agent, &t);
	put_object(n, 1, name_seal(NIGHT_DATASET, repo_newest(t.repo)->header.id, 7, name), "anything", 8);
	put_object(n, 2, name_seal(NIGHT_DATASET, repo_newest(t.repo)->header.id, 4294967295u, name), "anything", 8);
	night_end(&t);
	days_pass(n, NIGHT_DAYS);
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "seals") + zone_count(n, 1, "seals"), 0);
}

/* Nights of the same files, whose time ends at once. Calls of fsync() for it, and folders listed. */
static void end_nights(unsigned count, unsigned *syncs, unsigned *folders)
{
	struct nights *n = nights_new();
	struct night t;

	write_file(n, "a", 1000, 1);
	for (unsigned i = 0; i < count; i++, days_pass(n, 1))
		run_night(n, &n->agent);
	days_pass(n, NIGHT_DAYS);
	night_begin(n, &n->agent, &t);
	synced = listed = 0;
	assert_int_equal(night_retire(&t), 0);
	*syncs = synced;
	*folders = listed;
	assert_int_equal(t.retired.destroyed, count);
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "seals") + zone_count(n, 1, "seals"), 0);
	assert_int_equal(zone_count(n, 0, "snapshots") + zone_count(n, 1, "snapshots"), 0);
	nights_free(n);
}

static void what_ends_together_is_listed_and_read_back_together(void **state)
{
	unsigned syncs[2], folders[2];

	(void)state;
	end_nights(2, &syncs[0], &folders[0]);
	end_nights(12, &syncs[1], &folders[1]);
	assert_int_equal(folders[0], folders[1]);
	/* An intent in each zone, and the certificate: each a file and its folder. */
	assert_true(syncs[1] - syncs[0] <= 10 * 6);
}

/* Two end, and the seal of one cannot be deleted in one zone. */
static void a_seal_that_stays_keeps_its_header_and_holds_up_no_other(void **state)
{
	struct nights *n = *state;
	struct night t;
	uint8_t ids[2][SNAPSHOT_ID_SIZE];
	char hex[SNAPSHOT_ID_HEX], name[OBJECT_NAME_MAX];

	for (unsigned i = 0; i < 2; i++, days_pass(n, 1)) {
		whole_run(n, &n->agent, &t);
		memcpy(ids[i], t.taken.header.id, SNAPSHOT_ID_SIZE);
		night_end(&t);
	}
	days_pass(n, NIGHT_DAYS);
	for (unsigned round = 0; round < 2; round++) {
		_free_ char *seal = xasprintf("%s.1", hex_encode(ids[0], SNAPSHOT_ID_SIZE, hex));

		lying = round == 1;
		stuck = seal;
		night_begin(n, &n->agent, &t);
		assert_int_equal(night_retire(&t), 0);
		assert_int_equal(t.retired.destroyed, round == 0);
		assert_int_equal(t.retired.owed, 1);
		assert_int_equal(told(&t, FINDING_LAG), 3);
		assert_non_null(strstr(findings_at(t.findings, 0)->text,
				       lying ? "was deleted and is still there" : "Operation not permitted"));
		night_end(&t);
		stuck = NULL;
		for (unsigned z = 0; z < 2; z++) {
			assert_int_equal(zone_count(n, z, "snapshots"), 1);
			assert_true(zone_has(n, z, name_seal(NIGHT_DATASET, ids[0], 1, name)));
			assert_false(zone_has(n, z, name_seal(NIGHT_DATASET, ids[1], 1, name)));
		}
		_free_ char *none = certificate_path(n->agent.state, NIGHT_DATASET, ids[0]);
		_free_ char *one = certificate_path(n->agent.state, NIGHT_DATASET, ids[1]);
		assert_int_not_equal(access(none, F_OK), 0);
		assert_int_equal(access(one, F_OK), 0);
	}
	night_begin(n, &n->agent, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
}

/* Gone from the listing is not gone for good while the folder was not synced: no certificate says so. */
static void a_deletion_that_is_not_durable_is_no_destruction(void **state)
{
	struct nights *n = *state;
	struct night t;
	uint8_t id[SNAPSHOT_ID_SIZE];

	whole_run(n, &n->agent, &t);
	memcpy(id, t.taken.header.id, sizeof id);
	night_end(&t);
	days_pass(n, NIGHT_DAYS);
	_free_ char *path = certificate_path(n->pruner.state, NIGHT_DATASET, id);
	seals_are_not_durable = true;
	night_begin(n, &n->pruner, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.destroyed, 0);
	assert_int_equal(t.retired.owed, 1);
	assert_true(told(&t, FINDING_LAG) > 0);
	night_end(&t);
	assert_int_equal(access(path, F_OK), -1);
	for (unsigned z = 0; z < 2; z++)
		assert_int_equal(zone_count(n, z, "snapshots"), 1);

	/* The next run finds nothing to delete, and makes durable what was. */
	seals_are_not_durable = false;
	night_begin(n, &n->pruner, &t);
	assert_int_equal(night_retire(&t), 0);
	assert_int_equal(t.retired.destroyed, 1);
	night_end(&t);
	assert_int_equal(access(path, F_OK), 0);
}

static void an_intent_of_a_thief_destroys_nothing_early(void **state)
{
	struct nights *n = *state;
	struct night t;
	struct intent intent = {
		.dataset = NIGHT_DATASET, .made_at = n->now, .expired_at = n->now, .reason = "because"
	};
	_buf_ struct buf body = { 0 }, object = { 0 };
	char name[OBJECT_NAME_MAX];

	run_night(n, &n->agent);
	night_begin(n, &n->agent, &t);
	const struct snapshot *s = repo_newest(t.repo);
	memcpy(intent.snapshot, s->header.id, SNAPSHOT_ID_SIZE);
	intent.header = s->object.data;
	intent.header_len = s->object.len;
	buf_init(&body, INTENT_MAX, "intent");
	buf_init(&object, INTENT_MAX, "intent");
	assert_int_equal(intent_encode(&intent, &body), 0);
	assert_int_equal(signed_encode(SIGNED_INTENT, n->pruner.signer, &body, &object), 0);
	put_object(n, 1, name_intent(NIGHT_DATASET, s->header.id, name), object.data, object.len);
	night_end(&t);

	days_pass(n, 1);
	whole_run(n, &n->agent, &t);
	assert_int_equal(t.retired.due, 0);
	assert_int_equal(t.synced.deleted, 0);
	assert_true(told(&t, FINDING_REFUSED) > 0);
	assert_int_equal(t.repo->snapshot_count, 2);
	assert_true(snapshot_live(&t.repo->snapshots[0]));
	night_end(&t);
	assert_int_equal(zone_count(n, 0, "seals"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_due_is_destroyed_in_every_zone_and_certified, setup, teardown),
		cmocka_unit_test_setup_teardown(a_zone_that_was_away_does_not_bring_back_what_was_destroyed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_doubtful_clock_destroys_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_went_backwards_destroys_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dry_run_says_what_is_due_and_leaves_it, setup, teardown),
		cmocka_unit_test_setup_teardown(every_generation_of_a_seal_goes, setup, teardown),
		cmocka_unit_test(what_ends_together_is_listed_and_read_back_together),
		cmocka_unit_test_setup_teardown(a_seal_that_stays_keeps_its_header_and_holds_up_no_other, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_deletion_that_is_not_durable_is_no_destruction, setup, teardown),
		cmocka_unit_test_setup_teardown(an_intent_of_a_thief_destroys_nothing_early, setup, teardown),
	};

	if (secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
