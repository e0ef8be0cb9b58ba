#include "zone_contract.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "small_disk.h"

static char folder[64];

static const char *in(const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s%s%s", folder, *name ? "/" : "", name);
	return path;
}

static const char *url_of(const char *name)
{
	static char urls[4][512];
	static unsigned turn;
	char *url = urls[turn++ % 4];

	snprintf(url, sizeof urls[0], "file://%s", in(name));
	return url;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-zone-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct zone_writer *open_writer(const char *name)
{
	const struct zone_place place = { .name = "ams-1", .url = url_of(name) };
	struct zone_writer *w;

	assert_int_equal(zone_open_writer(&place, &w), 0);
	return w;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void only_absolute_file_urls_are_taken(void **state)
{
	static const struct {
		const char *url;
		int code;
	} rows[] = {
		{ "file:///srv/az1", 0 },
		{ "file:///", 0 },
		{ "file:///srv/with%20space/%C3%a9", 0 },
		{ "file://srv/az1", ERR_USAGE },
		{ "file:/srv/az1", ERR_USAGE },
		{ "file://", ERR_USAGE },
		{ "/srv/az1", ERR_USAGE },
		{ "", ERR_USAGE },
		{ "ftp://host/path", ERR_USAGE },
		{ "files:///srv", ERR_USAGE },
		{ "file:///srv/%", ERR_USAGE },
		{ "file:///srv/%2", ERR_USAGE },
		{ "file:///srv/%zz", ERR_USAGE },
		{ "file:///srv/%00", ERR_USAGE },
		{ "file:///srv/a?b", ERR_USAGE },
		{ "file:///srv/a#b", ERR_USAGE },
	};
	char long_url[ZONE_URL_MAX + 1] = "file:///";

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(zone_check_url(rows[i].url), rows[i].code);
	memset(long_url + 8, 'a', ZONE_URL_MAX - 8);
	assert_int_equal(zone_check_url(long_url), ERR_USAGE);
	long_url[ZONE_URL_MAX - 1] = '\0';
	assert_int_equal(zone_check_url(long_url), 0);
}

static void percent_signs_in_a_url_are_decoded(void **state)
{
	char url[128];
	struct zone_place place = { .name = "ams-1", .url = url };
	struct zone_writer *w;

	(void)state;
	assert_int_equal(mkdir(in("a b#c"), 0700), 0);
	snprintf(url, sizeof url, "file://%s/a%%20b%%23c/", folder);
	assert_int_equal(zone_open_writer(&place, &w), 0);
	assert_int_equal(zone_put(w, "sms/a", "x", 1), 0);
	zone_close_writer(w);
	assert_int_equal(access(in("a b#c/sms/a"), F_OK), 0);
}

static void a_folder_that_is_not_there_is_unavailable_and_not_empty(void **state)
{
	const char *const names[] = { "unmounted", "plain-file" };
	struct zone *z = NULL;
	struct zone_writer *w = NULL;

	(void)state;
	write_file(in("plain-file"), "x");
	for (size_t i = 0; i < 2; i++) {
		const struct zone_place place = { .name = "ams-1", .url = url_of(names[i]) };

		assert_int_equal(zone_open(&place, &z), ERR_UNAVAILABLE);
		assert_non_null(strstr(err_message(), "zone ams-1"));
		assert_non_null(strstr(err_message(), "mounted?"));
		assert_int_equal(zone_open_writer(&place, &w), ERR_UNAVAILABLE);
	}
	assert_int_equal(zone_open(&(struct zone_place){ "ams-1", "nothing" }, &z), ERR_USAGE);
	assert_null(z);
	assert_null(w);
	zone_close(NULL);
	zone_close_writer(NULL);
}

static void a_root_that_is_removed_beneath_us_is_unavailable(void **state)
{
	struct contract_listing l = { 0 };
	_buf_ struct buf b;
	uint64_t size;

	(void)state;
	assert_int_equal(mkdir(in("removed"), 0700), 0);
	struct zone_writer *w = open_writer("removed");
	assert_int_equal(rmdir(in("removed")), 0);
	buf_init(&b, 10, "test");
	assert_int_equal(zone_list(zone_reading(w), "sms/", contract_note, &l), ERR_UNAVAILABLE);
	assert_int_equal(zone_list(zone_reading(w), "", contract_note, &l), ERR_UNAVAILABLE);
	assert_int_equal(zone_head(zone_reading(w), "sms/a", &size), ERR_UNAVAILABLE);
	assert_int_equal(zone_get(zone_reading(w), "a", &b), ERR_UNAVAILABLE);
	assert_int_equal(zone_put(w, "sms/a", "x", 1), ERR_UNAVAILABLE);
	zone_close_writer(w);
}

static void one_folder_is_recognised_by_whatever_path(void **state)
{
	bool same_device = false;

	(void)state;
	assert_int_equal(mkdir(in("az1"), 0700), 0);
	assert_int_equal(mkdir(in("az1/inner"), 0700), 0);
	assert_int_equal(mkdir(in("az12"), 0700), 0);
	assert_int_equal(symlink("az1", in("link")), 0);

	const struct {
		const char *a, *b;
		int code;
		bool same_device;
	} rows[] = {
		{ "az1", "az12", 0, true },
		{ "az1", "az1", ERR_REFUSED, true },
		{ "az1", "az1/", ERR_REFUSED, true },
		{ "az1", "/az1", ERR_REFUSED, true },
		{ "az1", "link", ERR_REFUSED, true },
		{ "link/inner", "az1", ERR_REFUSED, true },
		{ "az1", "az1/inner", ERR_REFUSED, true },
		{ "az12/../az1/inner", "link", ERR_REFUSED, true },
		{ "az1", "", ERR_REFUSED, true },
		{ "gone", "gone", ERR_REFUSED, true },
		{ "gone", "gone/inner", ERR_REFUSED, true },
		{ "gone", "gone2", 0, false },
		{ "gone", "az1", 0, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct zone_place a = { "ams-1", url_of(rows[i].a) }, b = { "ams-2", url_of(rows[i].b) };

		assert_int_equal(zone_distinct(&a, &b, &same_device), rows[i].code);
		assert_int_equal(same_device, rows[i].same_device);
		assert_int_equal(zone_distinct(&b, &a, &same_device), rows[i].code);
		if (rows[i].code)
			assert_non_null(strstr(err_message(), "ams-1"));
	}
	const struct zone_place good = { "ams-1", url_of("az1") }, bad = { "ams-2", "nothing" };
	assert_int_equal(zone_distinct(&good, &bad, &same_device), ERR_USAGE);
	assert_int_equal(zone_distinct(&bad, &good, &same_device), ERR_USAGE);
	const struct zone_place proc = { "ams-2", "file:///proc" };
	assert_int_equal(zone_distinct(&good, &proc, &same_device), 0);
	assert_false(same_device);
	const struct zone_place top = { "ams-2", "file:///" }, lost = { "ams-1", "file:///nightfold/is/not/here" };
	assert_int_equal(zone_distinct(&top, &lost, &same_device), ERR_REFUSED);
}

static void what_interrupted_puts_left_is_not_listed_and_swept_by_age(void **state)
{
	const struct timespec old[2] = { { .tv_sec = time(NULL) - 90000 }, { .tv_sec = time(NULL) - 90000 } };
	struct contract_listing l = { 0 };
	unsigned count;

	(void)state;
	assert_int_equal(mkdir(in("left"), 0700), 0);
	struct zone_writer *w = open_writer("left");
	assert_int_equal(zone_put(w, "sms/packs/aa/1", "x", 1), 0);
	assert_int_equal(zone_put(w, "voice/packs/aa/1", "x", 1), 0);
	write_file(in("left/sms/packs/aa/.tmp-new"), "half");
	write_file(in("left/sms/.tmp-old"), "half");
	write_file(in("left/voice/.tmp-old"), "half");
	write_file(in("left/sms/.hidden"), "not ours");
	assert_int_equal(mkdir(in("left/sms/.tmp-folder"), 0700), 0);
	assert_int_equal(utimensat(AT_FDCWD, in("left/sms/.tmp-old"), old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, in("left/voice/.tmp-old"), old, 0), 0);

	assert_int_equal(zone_list(zone_reading(w), "sms/", contract_note, &l), 0);
	assert_string_equal(l.text, "sms/packs/aa/1=1\n");
	assert_int_equal(zone_sweep(w, "sms/", false, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(access(in("left/sms/.tmp-old"), F_OK), -1);
	assert_int_equal(access(in("left/sms/packs/aa/.tmp-new"), F_OK), 0);
	assert_int_equal(zone_sweep(w, "sms/", true, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(access(in("left/sms/packs/aa/.tmp-new"), F_OK), -1);
	assert_int_equal(access(in("left/sms/.hidden"), F_OK), 0);
	assert_int_equal(access(in("left/voice/.tmp-old"), F_OK), 0);
	assert_int_equal(zone_sweep(w, "", false, &count), 0);
	assert_int_equal(count, 1);
	zone_close_writer(w);
}

/* A link, a FIFO, a socket and a folder where objects should be. */
static void plant_foreign_things(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_int_equal(mkdir(in("foreign"), 0700), 0);
	assert_int_equal(mkdir(in("foreign/sms"), 0700), 0);
	assert_int_equal(mkdir(in("elsewhere"), 0700), 0);
	write_file(in("elsewhere/secret"), "secret");
	write_file(in("foreign/sms/object"), "x");
	assert_int_equal(symlink(in("elsewhere/secret"), in("foreign/sms/link")), 0);
	assert_int_equal(symlink(in("elsewhere"), in("foreign/sms/linked")), 0);
	assert_int_equal(mkfifo(in("foreign/sms/fifo"), 0600), 0);
	assert_int_equal(mkdir(in("foreign/sms/folder"), 0700), 0);
	write_file(in("foreign/sms/lost+found"), "x");
	_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", in("foreign/sms/socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void links_and_devices_in_a_zone_are_never_followed(void **state)
{
	static const char *const names[] = { "sms/link", "sms/fifo", "sms/folder", "sms/socket", "sms/linked/secret" };
	struct contract_listing l = { 0 };
	_buf_ struct buf b;
	uint64_t size;
	char byte;

	(void)state;
	plant_foreign_things();
	struct zone_writer *w = open_writer("foreign");
	struct zone *z = zone_reading(w);
	buf_init(&b, 100, "test");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(zone_get(z, names[i], &b), ERR_MISSING);
		assert_int_equal(zone_get_range(z, names[i], 0, 1, &byte), ERR_MISSING);
		assert_int_equal(zone_head(z, names[i], &size), ERR_MISSING);
	}
	assert_int_equal(b.len, 0);
	assert_int_equal(zone_list(z, "sms/", contract_note, &l), 0);
	assert_string_equal(l.text, "sms/object=1\n");
	assert_int_equal(zone_list(z, "sms/linked/", contract_note, &l), 0);
	assert_int_equal(l.calls, 1);
	assert_int_not_equal(zone_put(w, "sms/linked/new", "x", 1), 0);
	assert_int_equal(access(in("elsewhere/new"), F_OK), -1);
	assert_int_equal(zone_put(w, "sms/object/inner", "x", 1), ERR_SYSTEM);
	assert_int_equal(zone_put(w, "sms/link", "x", 1), ERR_EXISTS);
	assert_int_equal(zone_delete(w, "sms/folder"), ERR_MISSING);
	assert_int_equal(zone_replace(w, "sms/folder", "x", 1), ERR_SYSTEM);

	/* Repair heals a link that lies where an object should be, and leaves what it pointed to. */
	assert_int_equal(zone_replace(w, "sms/link", "whole", 5), 0);
	assert_int_equal(zone_get(z, "sms/link", &b), 0);
	assert_memory_equal(b.data, "whole", 5);
	b.len = 0;
	zone_close_writer(w);
	w = open_writer("elsewhere");
	assert_int_equal(zone_get(zone_reading(w), "secret", &b), 0);
	assert_memory_equal(b.data, "secret", 6);
	zone_close_writer(w);
}

static void a_folder_nested_beyond_any_object_is_passed_over(void **state)
{
	struct contract_listing l = { 0 };
	char path[1024];

	(void)state;
	assert_int_equal(mkdir(in("deep"), 0700), 0);
	snprintf(path, sizeof path, "%s", in("deep"));
	for (int i = 0; i < 8; i++) {
		snprintf(path + strlen(path), sizeof path - strlen(path), "/%050d", i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	struct zone_writer *w = open_writer("deep");
	assert_int_equal(zone_put(w, "z", "x", 1), 0);
	assert_int_equal(zone_list(zone_reading(w), "", contract_note, &l), 0);
	assert_string_equal(l.text, "z=1\n");
	zone_close_writer(w);
}

static void a_folder_is_no_clock_of_its_own_unless_a_test_says_so(void **state)
{
	struct zone_writer *w = open_writer("");
	int64_t now, expected;
	bool independent = true;

	(void)state;
	assert_int_equal(zone_clock(zone_reading(w), &now, &independent), 0);
	assert_false(independent);

	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW", "2026-11-21T02:00:00Z", 1), 0);
	assert_int_equal(setenv("NIGHTFOLD_TEST_NOW_AMS_1", "2026-11-23T02:00:00Z", 1), 0);
	assert_int_equal(clock_init(true), 0);
	assert_int_equal(zone_clock(zone_reading(w), &now, &independent), 0);
	assert_true(independent);
	assert_int_equal(clock_parse("2026-11-23T02:00:00Z", &expected), 0);
	assert_int_equal(now, expected);
	assert_int_equal(unsetenv("NIGHTFOLD_TEST_NOW"), 0);
	assert_int_equal(unsetenv("NIGHTFOLD_TEST_NOW_AMS_1"), 0);
	assert_int_equal(clock_init(false), 0);
	zone_close_writer(w);
}

static unsigned files_in(const char *name)
{
	DIR *dir = opendir(in(name));
	unsigned count = 0;

	assert_non_null(dir);
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		count += d->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* In a disk of 1 MiB: as many as were kept back, and one that was too much leaves none. */
static void full_zones_take_what_serves_to_free_them(struct zone_writer *w)
{
	uint8_t *data = calloc(1, 1u << 20);
	struct contract_listing l = { 0 };
	char name[64];

	assert_int_equal(zone_put_reserved(w, "sms/big", data, 1u << 20), ERR_FULL); /* nothing was kept back yet */
	zone_keep_reserve(w);
	assert_int_equal(files_in("small/.reserve"), 64);
	assert_int_equal(zone_list(zone_reading(w), "", contract_note, &l), 0);
	assert_string_equal(l.text, "sms/a=1000\n");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "sms/filler/%u", i);
		if (zone_put(w, name, data, 4000) != 0)
			break;
	}
	assert_int_equal(zone_put(w, "sms/b", data, 1), ERR_FULL);
	assert_int_equal(zone_put_reserved(w, "sms/b", data, 1), 0);
	assert_int_equal(zone_put_reserved(w, "sms/new-folder/c", data, 4000), 0);
	assert_true(files_in("small/.reserve") >= 60);
	zone_keep_reserve(w); /* there is no room for that now */
	assert_true(files_in("small/.reserve") < 64);
	assert_int_equal(zone_delete(w, name), ERR_MISSING);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "sms/filler/%u", i);
		assert_int_equal(zone_delete(w, name), 0);
	}
	zone_keep_reserve(w);
	assert_int_equal(files_in("small/.reserve"), 64);
	assert_int_equal(zone_put_reserved(w, "sms/big", data, 1u << 20), ERR_FULL);
	assert_int_equal(files_in("small/.reserve"), 0);
	free(data);
}

/* Last: leaves the process in a mount namespace of its own, with a small file system in the test's folder. */
static void a_full_zone_and_a_read_only_one_say_so(void **state)
{
	uint8_t *data = calloc(1, 2u << 20);
	struct contract_listing l = { 0 };
	struct zone_writer *w;
	unsigned count;

	(void)state;
	assert_int_equal(mkdir(in("small"), 0700), 0);
	if (!small_disk_mount(in("small"), "1m")) {
		free(data);
		skip();
	}
	w = open_writer("small");
	assert_int_equal(zone_put(w, "sms/a", data, 1000), 0);
	assert_int_equal(zone_put(w, "sms/b", data, 2u << 20), ERR_FULL);
	assert_non_null(strstr(err_message(), "zone ams-1"));
	assert_int_equal(zone_list(zone_reading(w), "sms/", contract_note, &l), 0);
	assert_string_equal(l.text, "sms/a=1000\n");
	assert_int_equal(zone_sweep(w, "", true, &count), 0);
	assert_int_equal(count, 0); /* a put that fails leaves nothing */
	full_zones_take_what_serves_to_free_them(w);

	assert_int_equal(mount("none", in("small"), "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(zone_put(w, "sms/c", data, 10), ERR_UNAVAILABLE);
	assert_int_equal(zone_put(w, "voice/c", data, 10), ERR_UNAVAILABLE);
	assert_int_equal(zone_replace(w, "sms/a", data, 10), ERR_UNAVAILABLE);
	assert_int_equal(zone_delete(w, "sms/a"), ERR_UNAVAILABLE);
	zone_close_writer(w);
	const struct zone_place place = { .name = "ams-1", .url = url_of("small") };
	assert_int_equal(zone_open_writer(&place, &w), ERR_UNAVAILABLE);
	assert_non_null(strstr(err_message(), "read-only"));
	assert_int_equal(umount(in("small")), 0);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_absolute_file_urls_are_taken),
		cmocka_unit_test(percent_signs_in_a_url_are_decoded),
		cmocka_unit_test(a_folder_that_is_not_there_is_unavailable_and_not_empty),
		cmocka_unit_test(a_root_that_is_removed_beneath_us_is_unavailable),
		cmocka_unit_test(one_folder_is_recognised_by_whatever_path),
		cmocka_unit_test(what_interrupted_puts_left_is_not_listed_and_swept_by_age),
		cmocka_unit_test(links_and_devices_in_a_zone_are_never_followed),
		cmocka_unit_test(a_folder_nested_beyond_any_object_is_passed_over),
		cmocka_unit_test(a_folder_is_no_clock_of_its_own_unless_a_test_says_so),
		cmocka_unit_test(a_full_zone_and_a_read_only_one_say_so),
	};
	char url[96];
	const struct zone_place place = { .name = "ams-1", .url = url };

	if (make_folder(NULL))
		return 1;
	snprintf(url, sizeof url, "file://%s/contract", folder);
	int bad = mkdir(in("contract"), 0700) ? 1 : zone_contract(&place);
	bad += cmocka_run_group_tests(tests, NULL, NULL);
	return bad + (remove_folder(NULL) != 0);
}
