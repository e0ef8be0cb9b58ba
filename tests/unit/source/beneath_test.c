#include "tree.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "source/beneath.h"

/* How opening `path` beneath "root" ends: the file's first byte, or -errno. */
static int outcome(int root, const char *path, size_t len)
{
	char byte = '?';
	int fd = beneath_open(root, path, len, O_RDONLY);

	if (fd < 0)
		return -errno;
	if (read(fd, &byte, 1) != 1)
		byte = 'd';
	close(fd);
	return byte;
}

static const struct {
	const char *path;
	int outcomes[2]; /* openat2 and component by component may name the reason differently */
} rows[] = {
	{ "f", { 'r', 'r' } },
	{ "a/f", { 'a', 'a' } },
	{ "a/b/f", { 'b', 'b' } },
	{ "", { 'd', 'd' } },
	{ "a", { 'd', 'd' } },
	{ "x", { -ENOENT, -ENOENT } },
	{ "a/x/f", { -ENOENT, -ENOENT } },
	{ "f/x", { -ENOTDIR, -ENOTDIR } },
	{ "link", { -ELOOP, -ELOOP } },
	{ "up/secret", { -ELOOP, -ENOTDIR } },
	{ "a/up/root/f", { -ELOOP, -ENOTDIR } },
	{ "inside/f", { -ELOOP, -ENOTDIR } },
	{ "../secret", { -EXDEV, -EXDEV } },
	{ "a/../f", { -EXDEV, -EXDEV } },
	{ "a/..", { -EXDEV, -EXDEV } },
	{ "./f", { -EXDEV, -EXDEV } },
	{ "a//f", { -EXDEV, -EXDEV } },
	{ "a/", { -EXDEV, -EXDEV } },
	{ "/etc/passwd", { -EXDEV, -EXDEV } },
	{ "/", { -EXDEV, -EXDEV } },
};

static int wrong_outcomes(int root, int way)
{
	int wrong = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int got = outcome(root, rows[i].path, strlen(rows[i].path));

		if (got != rows[i].outcomes[way]) {
			fprintf(stderr, "'%s': %d instead of %d\n", rows[i].path, got, rows[i].outcomes[way]);
			wrong++;
		}
	}
	wrong += outcome(root, "f\0g", 3) != -EXDEV;
	return wrong;
}

/* From here on, openat2 answers ENOSYS, as it does under valgrind or on an old kernel. */
static bool forbid_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int openat2_is_missing(void)
{
	return syscall(SYS_openat2, -1, "", NULL, 0) < 0 && errno == ENOSYS;
}

static int make_tree(void **state)
{
	if (make_scratch(state) != 0)
		return -1;
	write_file("secret", "secret");
	make_folder("root");
	make_folder("root/a");
	make_folder("root/a/b");
	write_file("root/f", "root");
	write_file("root/a/f", "a");
	write_file("root/a/b/f", "b");
	return symlink("f", "root/link") != 0 || symlink("..", "root/up") != 0 || symlink("../..", "root/a/up") != 0 ||
	       symlink("a", "root/inside") != 0;
}

static void nothing_outside_and_nothing_through_a_link_is_opened(void **state)
{
	int root = open("root", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(wrong_outcomes(root, openat2_is_missing()), 0);
	close(root);
}

static void *look_without_openat2(void *context)
{
	int *root = context;

	*root = forbid_openat2() || openat2_is_missing() ? wrong_outcomes(*root, 1) : -1;
	return NULL;
}

/* A filter is for the thread that sets it, which ends with the test. */
static void without_openat2_it_is_as_strict(void **state)
{
	int root = open("root", O_RDONLY | O_DIRECTORY), result = root;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, look_without_openat2, &result), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(result, 0);
	close(root);
}

static void paths_longer_than_the_kernel_takes_are_opened_in_pieces(void **state)
{
	enum { DEPTH = 60, NAME = 200 };
	char name[NAME + 1], path[(NAME + 1) * DEPTH + 300];
	size_t len = 0;
	int at = open("root", O_RDONLY | O_DIRECTORY), root = dup(at);

	(void)state;
	memset(name, 'n', NAME);
	name[NAME] = '\0';
	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(at, name, 0755), 0);
		assert_true((next = openat(at, name, O_RDONLY | O_DIRECTORY)) >= 0);
		close(at);
		at = next;
		memcpy(path + len, name, NAME);
		path[len + NAME] = '/';
		len += NAME + 1;
	}
	int fd = openat(at, "leaf", O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "!", 1), 1);
	close(fd);
	close(at);
	memcpy(path + len, "leaf", 4);
	assert_int_equal(outcome(root, path, len + 4), '!');
	memcpy(path + len, "lost", 4);
	assert_int_equal(outcome(root, path, len + 4), -ENOENT);
	path[5] = 'x';
	assert_int_equal(outcome(root, path, len + 4), -ENOENT);
	memset(path, 'n', sizeof path);
	assert_int_equal(outcome(root, path, 5000), -ENAMETOOLONG);
	close(root);
}

static void parents_and_names_are_told_apart(void **state)
{
	const char *name;
	size_t name_len;

	(void)state;
	assert_int_equal(beneath_parent("a/bc/def", 8, &name, &name_len), 4);
	assert_int_equal(name_len, 3);
	assert_memory_equal(name, "def", 3);
	assert_int_equal(beneath_parent("a/bc/def", 4, &name, &name_len), 1);
	assert_memory_equal(name, "bc", 2);
	assert_int_equal(beneath_parent("abc", 3, &name, &name_len), 0);
	assert_int_equal(name_len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_outside_and_nothing_through_a_link_is_opened, make_tree,
						remove_scratch),
		cmocka_unit_test_setup_teardown(paths_longer_than_the_kernel_takes_are_opened_in_pieces, make_tree,
						remove_scratch),
		cmocka_unit_test(parents_and_names_are_told_apart),
		/* Last: that openat2 is missing is remembered. */
		cmocka_unit_test_setup_teardown(without_openat2_it_is_as_strict, make_tree, remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
