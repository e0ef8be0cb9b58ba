#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/flusher.h"

static void what_is_written_is_brought_to_the_disk(void **state)
{
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct flusher *f = flusher_new(fd);

	(void)state;
	for (int i = 0; i < 4096; i++)
		flusher_wrote(f, 1 << 20);
	assert_int_equal(flusher_end(f), 0);
	close(fd);
	assert_int_equal(flusher_end(NULL), 0);
}

static void what_cannot_be_brought_there_is_told_at_the_end(void **state)
{
	struct flusher *f = flusher_new(-1);

	(void)state;
	/* Whether it has begun when it is to end is a matter of chance: until then, what is due is left to the end. */
	for (int i = 0; i < 1000; i++) {
		flusher_wrote(f, 1 << 30);
		usleep(1000);
	}
	assert_int_equal(flusher_end(f), EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_brought_to_the_disk),
		cmocka_unit_test(what_cannot_be_brought_there_is_told_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
