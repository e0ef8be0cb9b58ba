#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "repo/findings.h"

#define MANY 6000u

/* What standard error gets while `call` runs; free() it. */
static char *heard(void (*call)(struct findings *f), struct findings *f)
{
	char path[] = "/tmp/nightfold-findings-XXXXXX", *text = xcalloc(1, 1u << 20);
	int file = mkstemp(path), old = dup(STDERR_FILENO);

	assert_true(file >= 0 && old >= 0);
	unlink(path);
	fflush(stderr);
	assert_true(dup2(file, STDERR_FILENO) >= 0);
	call(f);
	fflush(stderr);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	assert_true(pread(file, text, (1u << 20) - 1, 0) >= 0);
	close(file);
	close(old);
	return text;
}

static size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

static void add_rubbish(struct findings *f)
{
	for (unsigned i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof name, "sms/index/%u", i);
		findings_add(f, FINDING_FORGED, "z0", name, "is rubbish");
	}
	findings_tell_rest(f);
	findings_tell_rest(f);
}

static void of_one_kind_twenty_are_told_and_the_rest_is_counted(void **state)
{
	struct findings *f = findings_new();
	(void)state;
	_free_ char *text = heard(add_rubbish, f);

	assert_int_equal(lines_of(text), 21);
	assert_non_null(strstr(text, "and 5980 more of this kind (forged): --json lists the first 5000"));
	assert_int_equal(findings_count(f, FINDING_FORGED, true), MANY);
	assert_int_equal(findings_total(f), 5000);
	assert_int_equal(findings_exit(f, true), EXIT_INTEGRITY);
	assert_int_equal(findings_exit(f, false), EXIT_DEGRADED);

	/* The repo is loaded again: the same facts, told and counted once. */
	_free_ char *again = heard(add_rubbish, f);
	assert_string_equal(again, "");
	assert_int_equal(findings_count(f, FINDING_FORGED, true), MANY);
	findings_free(f);
}

static void add_losses(struct findings *f)
{
	for (unsigned i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof name, "file-%u", i);
		findings_add(f, FINDING_LOST, NULL, name, "is lost");
		findings_add(f, FINDING_NOTE, NULL, name, "is worth knowing");
	}
	findings_add(f, FINDING_LAG, "z1", NULL, "lags");
	findings_tell_rest(f);
}

static void all_that_is_lost_is_told(void **state)
{
	struct findings *f = findings_new();
	(void)state;
	_free_ char *text = heard(add_losses, f);

	assert_int_equal(lines_of(text), 100 + 20 + 1 + 1);
	assert_non_null(strstr(text, "file-99: is lost"));
	assert_non_null(strstr(text, "and 80 more of this kind (note): --json lists all"));
	findings_free(f);
}

static void forget(struct findings *f)
{
	findings_free(f);
}

static void what_was_not_told_is_counted_at_the_latest_when_it_is_forgotten(void **state)
{
	struct findings *f = findings_new();
	(void)state;

	for (unsigned i = 0; i < 25; i++)
		findings_add(f, FINDING_SKIPPED, NULL, NULL, "number %u", i);
	_free_ char *text = heard(forget, f);
	assert_non_null(strstr(text, "and 5 more of this kind (skipped)"));
}

static void facts_that_differ_in_one_part_are_two(void **state)
{
	struct findings *f = findings_new();
	(void)state;

	findings_add(f, FINDING_MISSING, "a", "b", "c");
	findings_add(f, FINDING_MISSING, "a", NULL, "c");
	findings_add(f, FINDING_MISSING, NULL, "a", "c");
	findings_add(f, FINDING_MISSING, "ab", NULL, "c");
	findings_add(f, FINDING_DAMAGED, "a", "b", "c");
	findings_add(f, FINDING_MISSING, "a", "b", "d");
	findings_add(f, FINDING_MISSING, "a", "b", "c");
	assert_int_equal(findings_total(f), 6);
	findings_heal(f, "a", "b");
	assert_int_equal(findings_count(f, FINDING_MISSING, true), 3);
	assert_int_equal(findings_count(f, FINDING_MISSING, false), 5);
	findings_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one_kind_twenty_are_told_and_the_rest_is_counted),
		cmocka_unit_test(all_that_is_lost_is_told),
		cmocka_unit_test(what_was_not_told_is_counted_at_the_latest_when_it_is_forgotten),
		cmocka_unit_test(facts_that_differ_in_one_part_are_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
