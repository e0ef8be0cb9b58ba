#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format/limits.h"
#include "repo/gather_item.h"
#include "repo/pipeline.h"

#define LEVEL_MAX 22

static size_t codec_max(size_t chunk_max)
{
	return chunk_max > GROUP_DATA ? chunk_max : GROUP_DATA;
}

static void every_chunk_size_level_and_machine_fits_the_budget(void **state)
{
	(void)state;
	for (size_t average = CHUNK_AVERAGE_MIN; average <= CHUNK_AVERAGE_MAX; average *= 2)
		for (int level = 1; level <= LEVEL_MAX; level++)
			for (unsigned processors = 0; processors <= 256; processors = processors * 2 + 1) {
				size_t max = 4 * average, packed = codec_max(max);
				struct pipeline p = pipeline_plan(max, packed, level, processors);

				assert_true(pipeline_memory(&p, max, packed, level) <= PIPELINE_BYTES);
				assert_true(p.workers >= 1 && (processors < 1 || p.workers <= processors));
				assert_true(p.pieces >= 1 && p.packs >= 3 && p.window >= max);
			}
}

/* What a night does by default must not be slower for the sake of what others configure. */
static void the_default_keeps_as_many_processors_busy_as_it_has(void **state)
{
	static const struct {
		unsigned processors;
		unsigned workers, pieces, packs;
	} rows[] = { { 1, 1, 12, 4 }, { 2, 2, 12, 4 }, { 4, 4, 11, 4 }, { 6, 6, 8, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pipeline p = pipeline_plan(2u << 20, 2u << 20, 3, rows[i].processors);

		assert_int_equal(p.workers, rows[i].workers);
		assert_true(p.pieces >= rows[i].pieces);
		assert_int_equal(p.packs, rows[i].packs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_chunk_size_level_and_machine_fits_the_budget),
		cmocka_unit_test(the_default_keeps_as_many_processors_busy_as_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
