#include "format/padme.h"

/* The position of the highest bit; of 0 and 1 it is 0. */
static unsigned floor_log2(uint64_t value)
{
	unsigned log = 0;

	while (value >>= 1)
		log++;
	return log;
}

uint64_t padme(uint64_t len)
{
	unsigned exponent = floor_log2(len);

	if (exponent < 2) /* 0 to 3 */
		return len;
	uint64_t mask = (UINT64_C(1) << (exponent - (floor_log2(exponent) + 1))) - 1;

	return (len + mask) & ~mask;
}

bool padme_makes(uint64_t len)
{
	return padme(len) == len;
}
