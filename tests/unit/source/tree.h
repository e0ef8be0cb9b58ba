/*
 * What the tests of sources share: a scratch folder that is the working directory, files in it, and complaints as text.
 */
#ifndef TESTS_SOURCE_TREE_H
#define TESTS_SOURCE_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define unused __attribute__((unused))

static char scratch[64];

static unused int make_scratch(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/nightfold-source.XXXXXX");
	return mkdtemp(scratch) != NULL && chdir(scratch) == 0 ? 0 : -1;
}

static unused bool run(char *const *command)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* rm copes with paths of any length and depth. */
static unused int remove_scratch(void **state)
{
	char chmod_name[] = "chmod", rm_name[] = "rm", mode[] = "u+rwX", options[] = "-rf", recursive[] = "-R";
	char *const unlock[] = { chmod_name, recursive, mode, scratch, NULL };
	char *const clear[] = { rm_name, options, scratch, NULL };

	(void)state;
	if (chdir("/") != 0)
		return -1;
	if (geteuid() != 0)
		(void)run(unlock);
	return run(clear) ? 0 : -1;
}

static unused void write_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
}

static unused void read_file(const char *path, char *content, size_t size)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t n = read(fd, content, size - 1);
	assert_true(n >= 0);
	content[n] = '\0';
	assert_int_equal(close(fd), 0);
}

static unused void make_folder(const char *path)
{
	assert_int_equal(mkdir(path, 0755), 0);
}

/* "path: reason\n" for each complaint. */
static char complaints[8192];

static unused void complain(void *context, const char *path, size_t path_len, const char *reason)
{
	size_t used = strlen(complaints);

	(void)context;
	snprintf(complaints + used, sizeof complaints - used, "%.*s: %s\n", (int)(path_len < 60 ? path_len : 60), path,
		 reason);
}

/*
 * What `check` returns in a child process, as a user without rights where this is root. The child ends by exit(), as
 * root again: only then is its part of the coverage counted.
 */
static unused int without_rights(int (*check)(void))
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		bool root = geteuid() == 0;
		int result = root && (setegid(65534) != 0 || seteuid(65534) != 0) ? 99 : check();

		exit(!root || (seteuid(0) == 0 && setegid(0) == 0) ? result : 98);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
