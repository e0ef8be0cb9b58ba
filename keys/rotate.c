#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "config/config.h"
#include "crypto/dataset_key.h"
#include "format/names.h"
#include "keys.h"
#include "report/json.h"

/* clang-format off */
const struct option_row rotate_rows[] = {
	{ .name = "dataset",
	  .value = "NAME",
	  .help = "Whose key.",
	  .offset = offsetof(struct rotate_options, dataset),
	  .type = OPTION_TEXT },
	{ .name = "keys-dir",
	  .value = "DIR",
	  .help = "Where the dataset keys are, without a configuration.",
	  .offset = offsetof(struct rotate_options, keys_dir),
	  .type = OPTION_TEXT,
	  .choices = "DIR" },
	{ 0 },
};
/* clang-format on */

/* *keys_dir: owned by the caller. A configuration also says whether there is such a dataset. */
static int find_keys_dir(const struct common_options *common, const struct rotate_options *o, char **keys_dir)
{
	struct config *config = NULL;
	const struct config_dataset *dataset;
	int code = o->dataset == NULL ? failed(ERR_USAGE, "--dataset NAME is missing") : dataset_name_check(o->dataset);

	if (code != 0)
		return ERR_USAGE;
	if (o->keys_dir != NULL) {
		*keys_dir = xstrdup(o->keys_dir);
		return 0;
	}
	code = config_load(common->config, &config);
	if (code == 0)
		code = clock_init(config->test_clock);
	if (code == 0)
		code = config_dataset(config, o->dataset, &dataset);
	if (code == 0)
		*keys_dir = xstrdup(config->keys_dir);
	config_free(config);
	return code;
}

static int print(const char *dataset, uint32_t epoch, bool json)
{
	if (!json) {
		printf("Dataset %s: the key of epoch %u is in use, older ones were overwritten and removed.\n"
		       "Deduplication starts afresh: the next snapshot stores everything again. Copies of the old key "
		       "elsewhere\n"
		       "(a backup or a file system snapshot of its folder) are yours to destroy.\n",
		       dataset, (unsigned)epoch);
		return 0;
	}

	struct json *j = json_new();

	json_object(j);
	json_put_text(j, "dataset", dataset);
	json_put_int(j, "epoch", epoch);
	json_close_object(j);

	int code = json_print(j, stdout);

	json_free(j);
	return code;
}

int keys_rotate(const struct common_options *common, const void *own, int argc, char **argv)
{
	const struct rotate_options *o = own;
	_free_ char *keys_dir = NULL;
	uint32_t epoch;
	int code = find_keys_dir(common, o, &keys_dir);

	(void)argc, (void)argv;
	if (code == 0)
		code = dataset_key_rotate(keys_dir, o->dataset, clock_now(), &epoch);
	return keys_end(code != 0 ? code : print(o->dataset, epoch, common->json));
}
