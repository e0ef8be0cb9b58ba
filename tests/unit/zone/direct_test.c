#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "zone/direct.h"

#define LARGE       ((4u << 20) + 12345)
#define TMPFS_MAGIC 0x01021994

/* A file without a name where temporary files go. */
static int fresh_file(void)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	return fd;
}

static uint8_t *bytes(void)
{
	uint8_t *data = xmalloc_pages(LARGE + PAGE_ALIGNMENT);

	for (size_t i = 0; i < LARGE + PAGE_ALIGNMENT; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 24);
	return data;
}

static void assert_written(const uint8_t *data, size_t len)
{
	uint8_t *back = xmalloc(len + 1);
	struct stat st;
	int fd = fresh_file();

	assert_int_equal(direct_write(fd, data, len, "object"), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, len);
	assert_int_equal(pread(fd, back, len + 1, 0), len);
	assert_memory_equal(back, data, len);
	assert_int_equal(fcntl(fd, F_GETFL) & O_DIRECT, 0);
	close(fd);
	free(back);
}

static void every_length_is_written_whole(void **state)
{
	static const size_t lengths[] = {
		0, 1, 4096, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, (1u << 20) + 4096, LARGE
	};
	uint8_t *data = bytes();

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		assert_written(data, lengths[i]);
	free(data);
}

static void memory_that_begins_anywhere_is_written_too(void **state)
{
	uint8_t *data = bytes();

	(void)state;
	assert_written(data + 1, LARGE);
	assert_written(data + 512, LARGE);
	free(data);
}

static bool keeps_files_on_a_disk(int fd)
{
	struct statfs fs;
	int flags = fcntl(fd, F_GETFL);
	bool can = fstatfs(fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;

	return can && fcntl(fd, F_SETFL, flags) == 0;
}

static void large_data_does_not_stay_in_the_page_cache(void **state)
{
	size_t pages = LARGE / PAGE_ALIGNMENT, resident = 0;
	unsigned char *in = xcalloc(pages, 1);
	uint8_t *data = bytes();
	int fd = fresh_file();

	(void)state;
	if (!keeps_files_on_a_disk(fd))
		skip();
	assert_int_equal(direct_write(fd, data, LARGE, "object"), 0);
	void *map = mmap(NULL, pages * PAGE_ALIGNMENT, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	assert_int_equal(mincore(map, pages * PAGE_ALIGNMENT, in), 0);
	for (size_t i = 0; i < pages; i++)
		resident += in[i] & 1;
	assert_true(resident < pages / 2);
	munmap(map, pages * PAGE_ALIGNMENT);
	close(fd);
	free(data);
	free(in);
}

static void a_full_disk_is_said(void **state)
{
	uint8_t *data = bytes();
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(direct_write(fd, data, LARGE, "the object"), ERR_FULL);
	assert_non_null(strstr(err_message(), "the object"));
	close(fd);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_is_written_whole),
		cmocka_unit_test(memory_that_begins_anywhere_is_written_too),
		cmocka_unit_test(large_data_does_not_stay_in_the_page_cache),
		cmocka_unit_test(a_full_disk_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
