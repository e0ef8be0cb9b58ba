#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/nearest.h"

static void a_misspelt_word_finds_the_one_that_was_meant(void **state)
{
	static const char *const words[] = { "state",     "zones",   "recipients", "products", "datasets", "grace",
					     "agent_key", "signers", "rpo",        "rto",      "no" };
	static const struct {
		const char *word, *meant;
	} rows[] = {
		{ "recipents", "recipients" },
		{ "recipeints", "recipients" },
		{ "Zones", "zones" },
		{ "zone", "zones" },
		{ "datsets", "datasets" },
		{ "agent-key", "agent_key" },
		{ "agentkey", "agent_key" },
		{ "prod", "products" },
		{ "rop", "rpo" },
		{ "tto", "rto" },
		{ "retention", NULL },
		{ "x", NULL },
		{ "xy", NULL },
		{ "", NULL },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct nearest n = nearest_to(rows[i].word);

		for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
			nearest_consider(&n, words[k]);
		if (rows[i].meant) {
			assert_non_null(n.best);
			assert_string_equal(n.best, rows[i].meant);
		} else {
			assert_null(n.best);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_misspelt_word_finds_the_one_that_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
