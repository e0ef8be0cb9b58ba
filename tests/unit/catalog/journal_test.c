#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "catalog/journal.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-journal-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/journal", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int remove_journal(void **state)
{
	(void)state;
	return unlink(path);
}

static struct journal *open_journal(void)
{
	struct journal *j = NULL;

	assert_int_equal(journal_open(path, &j), 0);
	return j;
}

static int add(struct journal *j, uint32_t number)
{
	struct index_pack pack = { .size = 5000 + number,
				   .footer = number,
				   .kind = number % 2 ? KIND_NODE : KIND_CONTENT };
	uint8_t *footer = malloc(number + 1);

	memset(pack.name, (int)number, sizeof pack.name);
	memset(pack.footer_hash, (int)number + 1, sizeof pack.footer_hash);
	memset(footer, (int)number + 2, number + 1);
	int code = journal_add(j, &pack, footer, number);
	free(footer);
	return code;
}

/* The numbers of the records seen, each checked to be what add() has written. */
static int see(void *context, const struct index_pack *pack, const uint8_t *footer, size_t footer_len)
{
	uint32_t number = (uint32_t)footer_len;
	struct buf *seen = context;

	assert_int_equal(pack->size, 5000 + number);
	assert_int_equal(pack->footer, number);
	assert_int_equal(pack->kind, number % 2 ? KIND_NODE : KIND_CONTENT);
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		assert_int_equal(pack->name[i], number & 255);
		assert_int_equal(pack->footer_hash[i], (number + 1) & 255);
	}
	for (size_t i = 0; i < footer_len; i++)
		assert_int_equal(footer[i], (number + 2) & 255);
	assert_int_equal(buf_printf(seen, "%u ", number), 0);
	return number == 13 ? ERR_INTERRUPTED : 0;
}

static void assert_records(struct journal *j, const char *expected)
{
	_buf_ struct buf seen;

	buf_init(&seen, 1000, "test");
	assert_int_equal(journal_each(j, see, &seen), 0);
	assert_int_equal(buf_terminate(&seen), 0);
	assert_string_equal((char *)seen.data, expected);
}

static void records_come_back_oldest_first_also_in_the_next_run(void **state)
{
	(void)state;
	struct journal *j = open_journal();
	assert_int_equal(journal_each(j, see, NULL), 0);
	assert_int_equal(add(j, 10), 0);
	assert_int_equal(add(j, 0), 0);
	assert_int_equal(add(j, 200001), 0);
	assert_records(j, "10 0 200001 ");
	journal_close(j);
	j = open_journal();
	assert_records(j, "10 0 200001 ");
	assert_int_equal(add(j, 7), 0);
	assert_records(j, "10 0 200001 7 ");
	journal_close(j);
}

static void a_call_back_ends_the_walk(void **state)
{
	_buf_ struct buf seen;

	(void)state;
	struct journal *j = open_journal();
	for (uint32_t i = 12; i < 16; i++)
		assert_int_equal(add(j, i), 0);
	buf_init(&seen, 100, "test");
	assert_int_equal(journal_each(j, see, &seen), ERR_INTERRUPTED);
	assert_memory_equal(seen.data, "12 13 ", 6);
	journal_close(j);
}

static void a_cleared_journal_is_empty_and_goes_on(void **state)
{
	struct stat st;

	(void)state;
	struct journal *j = open_journal();
	assert_int_equal(add(j, 1), 0);
	assert_int_equal(journal_clear(j), 0);
	assert_records(j, "");
	assert_int_equal(add(j, 2), 0);
	journal_close(j);
	j = open_journal();
	assert_records(j, "2 ");
	journal_close(j);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_torn_last_record_is_dropped_wherever_it_is_torn(void **state)
{
	struct stat st;

	(void)state;
	struct journal *j = open_journal();
	assert_int_equal(add(j, 1), 0);
	journal_close(j);
	assert_int_equal(stat(path, &st), 0);
	off_t whole = st.st_size;
	j = open_journal();
	assert_int_equal(add(j, 20), 0);
	journal_close(j);
	assert_int_equal(stat(path, &st), 0);
	for (off_t size = whole + 1; size < st.st_size; size++) {
		j = open_journal();
		assert_int_equal(add(j, 20), 0);
		journal_close(j);
		assert_int_equal(truncate(path, size), 0);
		j = open_journal();
		assert_records(j, "1 ");
		journal_close(j);
	}
	/* What is added behind a torn record is found again. */
	j = open_journal();
	assert_int_equal(add(j, 20), 0);
	journal_close(j);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	j = open_journal();
	assert_int_equal(add(j, 3), 0);
	journal_close(j);
	j = open_journal();
	assert_records(j, "1 3 ");
	journal_close(j);
}

static void a_record_with_a_flipped_bit_is_dropped(void **state)
{
	struct stat st;
	uint8_t byte;

	(void)state;
	struct journal *j = open_journal();
	assert_int_equal(add(j, 1), 0);
	journal_close(j);
	assert_int_equal(stat(path, &st), 0);
	off_t first = st.st_size;
	for (off_t at = first;; at++) {
		j = open_journal();
		assert_int_equal(add(j, 2), 0);
		journal_close(j);
		assert_int_equal(stat(path, &st), 0);
		if (at == st.st_size)
			break;
		_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		j = open_journal();
		assert_records(j, "1 ");
		journal_close(j);
	}
}

static void a_file_cut_within_its_first_bytes_starts_anew(void **state)
{
	(void)state;
	for (off_t size = 0; size < 8; size++) {
		struct journal *j = open_journal();

		assert_int_equal(add(j, 1), 0);
		journal_close(j);
		assert_int_equal(truncate(path, size), 0);
		j = open_journal();
		assert_records(j, "");
		assert_int_equal(add(j, 4), 0);
		assert_records(j, "4 ");
		journal_close(j);
		assert_int_equal(unlink(path), 0);
	}
	journal_close(open_journal());
}

static void another_file_is_left_alone(void **state)
{
	struct journal *j = NULL;
	struct stat st;

	(void)state;
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("precious", f);
	fclose(f);
	assert_int_equal(journal_open(path, &j), ERR_FORMAT);
	assert_non_null(strstr(err_message(), path));
	assert_null(j);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(journal_open("/proc/nowhere/journal", &j), ERR_SYSTEM);
	journal_close(NULL);
}

static void a_record_that_could_not_be_written_whole_is_written_over(void **state)
{
	const struct rlimit small = { 3000, RLIM_INFINITY };
	struct rlimit old;

	(void)state;
	struct journal *j = open_journal();
	assert_int_equal(add(j, 1), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(add(j, 5000), ERR_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_records(j, "1 ");
	assert_int_equal(add(j, 2), 0);
	assert_records(j, "1 2 ");
	journal_close(j);
	j = open_journal();
	assert_records(j, "1 2 ");
	journal_close(j);
}

static void a_journal_that_changes_beneath_us_is_said(void **state)
{
	_buf_ struct buf seen;

	(void)state;
	struct journal *j = open_journal();
	assert_int_equal(add(j, 1), 0);
	assert_int_equal(add(j, 2), 0);
	assert_int_equal(truncate(path, 100), 0);
	buf_init(&seen, 100, "test");
	assert_int_equal(journal_each(j, see, &seen), ERR_SYSTEM);
	journal_close(j);
}

int main(void)
{
#define JOURNAL_TEST(f) cmocka_unit_test_teardown(f, remove_journal)
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(records_come_back_oldest_first_also_in_the_next_run),
		JOURNAL_TEST(a_call_back_ends_the_walk),
		JOURNAL_TEST(a_cleared_journal_is_empty_and_goes_on),
		JOURNAL_TEST(a_torn_last_record_is_dropped_wherever_it_is_torn),
		JOURNAL_TEST(a_record_with_a_flipped_bit_is_dropped),
		JOURNAL_TEST(a_file_cut_within_its_first_bytes_starts_anew),
		JOURNAL_TEST(another_file_is_left_alone),
		JOURNAL_TEST(a_record_that_could_not_be_written_whole_is_written_over),
		JOURNAL_TEST(a_journal_that_changes_beneath_us_is_said),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
