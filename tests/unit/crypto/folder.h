/* A folder of its own for each test, removed afterwards with all that is in it. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <fcntl.h>
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

#include "base/io.h"

static char folder[64];

/* A path in the folder; four may be in use at once. */
static inline const char *in(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static inline int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nightfold-crypto-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void put(const char *name, const char *text, mode_t mode)
{
	assert_int_equal(io_save(in(name), text, strlen(text), mode), 0);
}

static inline void assert_file(const char *name, const char *expected)
{
	_buf_ struct buf b;

	buf_init(&b, 1u << 16, "a file of the test");
	assert_int_equal(io_load(in(name), &b), 0);
	assert_int_equal(buf_terminate(&b), 0);
	assert_string_equal((char *)b.data, expected);
}

static inline bool is_there(const char *name)
{
	return access(in(name), F_OK) == 0;
}

static inline unsigned mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(in(name), &st), 0);
	return (unsigned)st.st_mode & 07777;
}

/* Entries of the folder, hidden ones included. */
static int entries;
static inline int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)st, (void)type;
	entries += ftw->level == 1;
	return 0;
}

static inline int count_entries(void)
{
	entries = 0;
	assert_int_equal(nftw(folder, count_one, 16, FTW_PHYS), 0);
	return entries;
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

#endif
