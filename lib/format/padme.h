/*
 * PADMÉ: the length that a length is rounded up to so that it says less (Nikitin et al., "Reducing Metadata Leakage
 * from Encrypted Files and Communication with PURBs", PoPETS 2019, algorithm 1). It keeps only as many leading bits
 * as its exponent has bits itself: O(log log n) bits are told, for at most 12 % more bytes, less the longer. Powers
 * of two stay as they are, a padded length stays as it is, and a longer length is never padded to less. Pure.
 */
#ifndef FORMAT_PADME_H
#define FORMAT_PADME_H

#include <stdbool.h>
#include <stdint.h>

/* `len`: up to 2^63. */
uint64_t padme(uint64_t len);

/* Whether some length is padded to this one. */
bool padme_makes(uint64_t len);

#endif
