#include "tree.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "source/confine.h"

static bool kernel_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 2;
}

/* Runs `check` in a thread, since what it does to itself cannot be undone; true when it returned its context. */
static bool in_a_thread(void *(*check)(void *))
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, check, scratch), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	return result == scratch;
}

static void *check_confined(void *context)
{
	int folder = open("inside", O_RDONLY | O_DIRECTORY), file = open("outside/open", O_WRONLY);
	bool fine = confine_writes(folder) == 0 && openat(folder, "new", O_WRONLY | O_CREAT, 0600) >= 0 &&
		    open("outside/new", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES &&
		    open("outside/open", O_WRONLY) < 0 && unlink("outside/open") != 0 &&
		    link("inside/new", "outside/new") != 0 && rename("outside/open", "inside/open") != 0 &&
		    open("outside/open", O_RDONLY) >= 0 && write(file, "x", 1) == 1;

	close(folder);
	close(file);
	return fine ? context : NULL;
}

static void only_the_folder_can_be_written_to(void **state)
{
	(void)state;
	if (!kernel_has_landlock())
		skip();
	make_folder("inside");
	make_folder("outside");
	write_file("outside/open", "");
	assert_true(in_a_thread(check_confined));
}

static void *check_without_landlock(void *context)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return kernel_has_landlock() ? NULL : context;
	return confine_writes(AT_FDCWD) == 0 && open("new", O_WRONLY | O_CREAT, 0600) >= 0 ? context : NULL;
}

static void without_landlock_it_goes_on(void **state)
{
	(void)state;
	assert_true(in_a_thread(check_without_landlock));
}

static void what_is_no_folder_is_refused(void **state)
{
	(void)state;
	if (!kernel_has_landlock())
		skip();
	assert_int_equal(confine_writes(-1), ERR_SYSTEM);
	assert_non_null(strstr(err_message(), "Landlock"));
	write_file("still", "writable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_folder_can_be_written_to, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(without_landlock_it_goes_on, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(what_is_no_folder_is_refused, make_scratch, remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
