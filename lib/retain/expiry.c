#include "retain/expiry.h"

#include <stddef.h>

int64_t expiry_effective(int64_t taken_at, int64_t stamped, const struct duration *backup)
{
	if (backup == NULL)
		return stamped;

	int64_t policy = duration_after(taken_at, *backup);
	return policy < stamped ? policy : stamped;
}
