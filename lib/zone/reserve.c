#include "zone/reserve.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

static int open_reserve(int root)
{
	return openat(root, RESERVE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Which files are there, with one listing. */
static void look(int folder, bool there[RESERVE_FILES])
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL)
		close_fd(&fd);
	for (const struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;) {
		char *end;
		unsigned long number = strtoul(d->d_name, &end, 10);

		if (end != d->d_name && *end == '\0' && number < RESERVE_FILES)
			there[number] = true;
	}
	if (dir != NULL)
		closedir(dir);
}

/* Bytes that no file system compresses away (a linear congruential generator, the same in every file). */
static void fill(uint8_t bytes[RESERVE_FILE_SIZE])
{
	uint64_t state = 1;

	for (size_t i = 0; i < RESERVE_FILE_SIZE; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(state >> 56);
	}
}

static bool make_file(int folder, unsigned number, const uint8_t bytes[RESERVE_FILE_SIZE])
{
	char name[16];

	snprintf(name, sizeof name, "%u", number);
	_fd_ int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	if (write(fd, bytes, RESERVE_FILE_SIZE) == RESERVE_FILE_SIZE)
		return true;
	unlinkat(folder, name, 0);
	return false;
}

void reserve_keep(int root)
{
	bool there[RESERVE_FILES] = { false };
	uint8_t bytes[RESERVE_FILE_SIZE];
	_fd_ int folder = open_reserve(root);

	if (folder < 0 && mkdirat(root, RESERVE_FOLDER, 0755) == 0)
		folder = open_reserve(root);
	if (folder < 0)
		return;
	look(folder, there);
	fill(bytes);
	for (unsigned i = 0; i < RESERVE_FILES; i++) {
		if (!there[i] && !make_file(folder, i, bytes))
			return;
	}
}

bool reserve_give(int root)
{
	bool there[RESERVE_FILES] = { false };
	_fd_ int folder = open_reserve(root);
	char name[16];

	if (folder < 0)
		return false;
	look(folder, there);
	for (unsigned i = RESERVE_FILES; i-- > 0;) {
		snprintf(name, sizeof name, "%u", i);
		if (!there[i] || unlinkat(folder, name, 0) != 0)
			continue;
		/* Some file systems free the blocks only with the change of the folder on disk. */
		if (fsync(folder) != 0)
			log_detail("the folder '%s' of a zone could not be synced", RESERVE_FOLDER);
		return true;
	}
	return false;
}
