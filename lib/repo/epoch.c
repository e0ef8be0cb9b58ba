#include "repo/epoch.h"

#include "base/clock.h"
#include "repo/clock_check.h"

/* A key may be this much younger than now: clocks are adjusted. */
#define SLACK (24 * 3600)

int64_t epoch_end(const struct config_dataset *dataset, int64_t began)
{
	const struct duration d = dataset->dedup_key;

	return d.months == 0 && d.seconds == 0 ? INT64_MAX : duration_after(began, d);
}

static bool is_over(struct repo *r, const struct config_dataset *dataset, const struct dataset_key *key)
{
	char began[CLOCK_TEXT_MAX];
	int64_t end = epoch_end(dataset, key->began);

	if (end != INT64_MAX && key->began > clock_now() + SLACK)
		findings_add(r->findings, FINDING_REFUSED, NULL, NULL,
			     "the dataset key says that it began at %s, which is still to come: the clock was wrong "
			     "then, or is now, so when to rotate it is not known; if it was then, run 'nightfold-keys "
			     "rotate --dataset %s'",
			     clock_format(key->began, began), dataset->name);
	return end <= clock_now();
}

static int rotate(struct repo *r, const struct config *config, const char *dataset)
{
	uint32_t epoch;
	/* It destroys a key: not by a clock that may be wrong. */
	int code = clock_check(r, config);

	return code == 0 ? dataset_key_rotate(config->keys_dir, dataset, clock_now(), &epoch) : code;
}

int epoch_key(struct repo *r, const struct config *config, const struct config_dataset *dataset,
	      struct dataset_key **key, bool *begun)
{
	int code = dataset_key_load(config->keys_dir, dataset->name, clock_now(), key);

	*begun = false;
	if (code != 0)
		return code;
	if (!is_over(r, dataset, *key)) {
		if (dataset_key_destroy_older(config->keys_dir, dataset->name, (*key)->epoch) != 0)
			findings_add(r->findings, FINDING_REFUSED, NULL, NULL,
				     "a dataset key that a rotation replaced still exists: %s", err_message());
		return 0;
	}
	uint32_t before = (*key)->epoch;
	secret_free(*key);
	*key = NULL;
	if (rotate(r, config, dataset->name) != 0)
		findings_add(r->findings, FINDING_REFUSED, NULL, NULL,
			     "the dataset key is due to be rotated, as dedup_key says: %s", err_message());
	code = dataset_key_load(config->keys_dir, dataset->name, clock_now(), key);
	*begun = code == 0 && (*key)->epoch != before;
	return code;
}
