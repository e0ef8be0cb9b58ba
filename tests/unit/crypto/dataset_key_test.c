#include "crypto/dataset_key.h"

#include <sys/wait.h>

#include "base/hex.h"
#include "folder.h"

#define HEX_1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NOW   INT64_C(1795226400) /* 2026-11-21T02:00:00Z */
#define BEGAN "2026-11-21T02:00:00Z "
#define SMS_1 "nightfold-dataset-key 1 sms 1 " BEGAN HEX_1 "\n"
#define SMS_2 "nightfold-dataset-key 1 sms 2 " BEGAN HEX_2 "\n"

static void the_first_use_makes_a_key_that_stays(void **state)
{
	_secret_ struct dataset_key *first = NULL, *again = NULL, *other = NULL;
	char expected[256], hex[2 * KEY_SIZE + 1];

	(void)state;
	assert_int_equal(dataset_key_load(folder, "sms", NOW, &first), 0);
	assert_int_equal(first->epoch, 1);
	assert_int_equal(mode_of("sms.1.dataset-key"), 0600);
	snprintf(expected, sizeof expected, "nightfold-dataset-key 1 sms 1 " BEGAN "%s\n",
		 hex_encode(first->key, KEY_SIZE, hex));
	assert_file("sms.1.dataset-key", expected);

	assert_int_equal(dataset_key_load(folder, "sms", NOW, &again), 0);
	assert_memory_equal(again, first, sizeof *first);
	assert_int_equal(dataset_key_load(folder, "voice", NOW, &other), 0);
	assert_memory_not_equal(other->key, first->key, KEY_SIZE);
	assert_int_equal(count_entries(), 2);
}

static void the_highest_epoch_is_in_use_and_older_ones_are_destroyed(void **state)
{
	_secret_ struct dataset_key *key = NULL;

	(void)state;
	put("sms.1.dataset-key", SMS_1, 0600);
	put("sms.2.dataset-key", SMS_2, 0600);
	/* None of these is a key of this dataset. */
	put("sms.1.3.dataset-key", SMS_1, 0600);
	put("sms.03.dataset-key", SMS_1, 0600);
	put("sms.4.dataset-key.old", SMS_1, 0600);
	put("sms.9999999999.dataset-key", SMS_1, 0600);
	put("sms..dataset-key", SMS_1, 0600);
	put("smsx5.dataset-key", SMS_1, 0600);
	assert_int_equal(dataset_key_load(folder, "sms", NOW, &key), 0);
	assert_int_equal(key->epoch, 2);
	assert_int_equal(key->key[0], 0xff);
	assert_int_equal(count_entries(), 8);
	assert_int_equal(dataset_key_destroy_older(folder, "sms", key->epoch), 0);
	assert_false(is_there("sms.1.dataset-key"));
	assert_int_equal(count_entries(), 7);
}

static void rotation_makes_a_new_epoch_and_wipes_the_old_key(void **state)
{
	_secret_ struct dataset_key *key = NULL;
	uint32_t epoch = 0;

	(void)state;
	put("sms.1.dataset-key", SMS_1, 0600);
	put("sms.3.dataset-key", "nightfold-dataset-key 1 sms 3 " BEGAN HEX_2 "\n", 0600);
	/* A second name keeps the old bytes in sight. */
	assert_int_equal(link(in("sms.3.dataset-key"), in("spy")), 0);
	assert_int_equal(dataset_key_rotate(folder, "sms", NOW + 1, &epoch), 0);
	assert_int_equal(epoch, 4);
	assert_false(is_there("sms.1.dataset-key"));
	assert_false(is_there("sms.3.dataset-key"));

	_fd_ int spy = open(in("spy"), O_RDONLY);
	char bytes[128] = "x";
	size_t got;

	assert_int_equal(io_read(spy, bytes, sizeof bytes, &got, "spy"), 0);
	assert_int_equal(got, strlen(SMS_1));
	for (size_t i = 0; i < got; i++)
		assert_int_equal(bytes[i], 0);

	assert_int_equal(dataset_key_load(folder, "sms", NOW, &key), 0);
	assert_int_equal(key->epoch, 4);
	assert_int_equal(key->began, NOW + 1);
	assert_int_equal(count_entries(), 2);
}

static void the_epoch_in_use_can_be_asked_for_and_none_is_made(void **state)
{
	uint32_t epoch;
	int64_t began;

	(void)state;
	assert_int_equal(dataset_key_epoch(folder, "sms", &epoch, &began), ERR_MISSING);
	assert_non_null(strstr(err_message(), "dataset sms has no key in"));
	assert_int_equal(count_entries(), 0);
	put("sms.1.dataset-key", "nightfold-dataset-key 1 sms 1 1999-12-31T23:59:59Z " HEX_1 "\n", 0600);
	put("sms.2.dataset-key", SMS_2, 0600);
	assert_int_equal(dataset_key_epoch(folder, "sms", &epoch, &began), 0);
	assert_int_equal(epoch, 2);
	assert_int_equal(began, NOW);
	assert_int_equal(count_entries(), 2);
}

static void there_must_be_something_to_rotate(void **state)
{
	uint32_t epoch;

	(void)state;
	assert_int_equal(dataset_key_rotate(folder, "sms", NOW + 1, &epoch), ERR_MISSING);
	assert_non_null(strstr(err_message(), "dataset sms has no key in"));
	assert_int_equal(dataset_key_rotate(in("none"), "sms", NOW + 1, &epoch), ERR_MISSING);
	assert_non_null(strstr(err_message(), "make it (mode 0700), or mount it"));
	assert_int_equal(dataset_key_rotate(folder, "../sms", NOW + 1, &epoch), ERR_USAGE);
	assert_int_equal(dataset_key_rotate(folder, "", NOW + 1, &epoch), ERR_USAGE);
	put("sms.999999999.dataset-key", SMS_1, 0600);
	assert_int_equal(dataset_key_rotate(folder, "sms", NOW + 1, &epoch), ERR_FORMAT);
}

static void damaged_and_open_files_are_refused_and_not_replaced(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"nightfold-dataset-key 1 sms 1 ",
		"nightfold-dataset-key 1 sms 1 " BEGAN,
		"nightfold-dataset-key 1 sms 2 " BEGAN HEX_1 "\n",
		"nightfold-dataset-key 1 voice 1 " BEGAN HEX_1 "\n",
		"nightfold-dataset-key 2 sms 1 " BEGAN HEX_1 "\n",
		"nightfold-dataset-key 1 sms 1 " BEGAN HEX_1,
		"nightfold-dataset-key 1 sms 1 " BEGAN HEX_1 "0\n",
		"nightfold-dataset-key 1 sms 1 " BEGAN "X" HEX_1 "\n",
		"nightfold-dataset-key 1 sms 1 " BEGAN
		"000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f\n",
		"nightfold-dataset-key 1 sms 1 " HEX_1 "\n",
		"nightfold-dataset-key 1 sms 1 2026-11-21T02:00:00z " HEX_1 "\n",
		"nightfold-dataset-key 1 sms 1 2026-11-31T02:00:00Z " HEX_1 "\n",
		"nightfold-dataset-key 1 sms 1 2026-11-21T02:00Z    " HEX_1 "\n",
		"nightfold-dataset-key 1 sms 1 2026-11-21T02:00:00Z\t" HEX_1 "\n",
	};
	_secret_ struct dataset_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		put("sms.1.dataset-key", texts[i], 0600);
		assert_int_equal(dataset_key_load(folder, "sms", NOW, &key), ERR_FORMAT);
		assert_non_null(strstr(err_message(), "that costs deduplication, not data"));
		assert_file("sms.1.dataset-key", texts[i]);
	}
	put("sms.1.dataset-key", SMS_1, 0640);
	assert_int_equal(dataset_key_load(folder, "sms", NOW, &key), ERR_REFUSED);
	assert_null(key);
	assert_int_equal(count_entries(), 1);
}

static void what_cannot_be_destroyed_is_said_and_stops_no_backup(void **state)
{
	_secret_ struct dataset_key *key = NULL;
	uint32_t epoch;

	(void)state;
	put("sms.2.dataset-key", SMS_2, 0600);
	assert_int_equal(mkdir(in("sms.1.dataset-key"), 0700), 0);
	assert_int_equal(dataset_key_load(folder, "sms", NOW, &key), 0);
	assert_int_equal(key->epoch, 2);
	assert_int_equal(dataset_key_destroy_older(folder, "sms", 2), ERR_SYSTEM);
	/* A rotation was asked to destroy it, and says that it did not. */
	assert_int_equal(dataset_key_rotate(folder, "sms", NOW + 1, &epoch), ERR_SYSTEM);
	assert_int_equal(epoch, 3);
	assert_non_null(strstr(err_message(), "epoch 3 of dataset sms is in use, but an older key still exists"));
}

static void two_that_make_the_first_key_at_once_get_the_same(void **state)
{
	uint8_t keys[4][KEY_SIZE];
	int pipes[2];
	pid_t children[4];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct dataset_key *key = NULL;
			bool ok = dataset_key_load(folder, "sms", NOW, &key) == 0 &&
				  write(pipes[1], key->key, KEY_SIZE) == KEY_SIZE;

			_exit(ok ? 0 : 1);
		}
		assert_true(children[i] > 0);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
		assert_int_equal(read(pipes[0], keys[i], KEY_SIZE), KEY_SIZE);
		assert_memory_equal(keys[i], keys[0], KEY_SIZE);
	}
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(count_entries(), 1);
}

/* Computed with Python's hashlib: blake2b(b"gear", digest_size=32, key=bytes(range(32))). */
static void subkeys_differ_by_purpose(void **state)
{
	struct dataset_key key = { .epoch = 1 };
	uint8_t gear[KEY_SIZE], paths[KEY_SIZE];
	char hex[2 * KEY_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < KEY_SIZE; i++)
		key.key[i] = (uint8_t)i;
	dataset_subkey(&key, "gear", gear);
	dataset_subkey(&key, "paths", paths);
	assert_string_equal(hex_encode(gear, KEY_SIZE, hex),
			    "dff0faeb487eaf11f89401208c37c0e507c60de04a5a03b19e07bf237feba0e4");
	assert_memory_not_equal(gear, paths, KEY_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(the_first_use_makes_a_key_that_stays),
		in_folder(the_highest_epoch_is_in_use_and_older_ones_are_destroyed),
		in_folder(rotation_makes_a_new_epoch_and_wipes_the_old_key),
		in_folder(the_epoch_in_use_can_be_asked_for_and_none_is_made),
		in_folder(there_must_be_something_to_rotate),
		in_folder(damaged_and_open_files_are_refused_and_not_replaced),
		in_folder(what_cannot_be_destroyed_is_said_and_stops_no_backup),
		in_folder(two_that_make_the_first_key_at_once_get_the_same),
		cmocka_unit_test(subkeys_differ_by_purpose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
