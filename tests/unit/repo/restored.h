/* What comes back of the newest snapshot of a night.h. */
#ifndef TEST_RESTORED_H
#define TEST_RESTORED_H

#include <spawn.h>
#include <sys/wait.h>

#include "night.h"
#include "repo/restore.h"
#include "repo/tree.h"

static inline void assert_same_tree(const char *a, const char *b)
{
	char *const arguments[] = {
		(char *)(uintptr_t) "diff", (char *)(uintptr_t) "-r", (char *)(uintptr_t) "--no-dereference",
		(char *)(uintptr_t)a,       (char *)(uintptr_t)b,     NULL
	};
	pid_t child;
	int status;

	assert_int_equal(posix_spawnp(&child, "diff", NULL, NULL, arguments, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The newest snapshot, restored with the operator's key, is the source. */
static inline void assert_restores(struct nights *n)
{
	struct findings *findings = findings_new();
	struct repo *r = reader_open(n, findings);
	struct fetcher *fetcher = fetcher_new(r, -1);
	struct selection selection;
	struct restore_result result;
	uint8_t *root_key = secret_new(KEY_SIZE);
	_free_ char *to = xasprintf("%s/restored", n->folder);

	remove_tree(to);
	assert_int_equal(selection_make(NULL, 0, &selection), 0);
	assert_int_equal(tree_unseal(r, repo_newest(r), n->operator, - 1, root_key), 0);
	const struct restore_options options = {
		.snapshot = repo_newest(r), .root_key = root_key, .target = { .path = to }, .selection = &selection
	};
	if (restore_run(fetcher, &options, &result) != 0)
		fail_msg("%s", err_message());
	assert_int_equal(result.lost, 0);
	assert_same_tree(n->source, to);
	assert_int_equal(findings_exit(findings, true), EXIT_DONE);
	selection_release(&selection);
	fetcher_free(fetcher);
	secret_free(root_key);
	repo_close(r);
	findings_free(findings);
}

#endif
