/*
 * Content that is left out of a simulation of a large dataset (bench/scale.py). Nightfold's own programs run, linked with
 * the files of this folder: source.c in place of the driver of `files`, zone.c in place of the driver of `file://`, and
 * ghost.c in place of what touches content itself. All else, which is all of the metadata, is the product's code.
 *
 * The source hands out ghosts: a piece of a file is GHOST_PIECE bytes that stand for a chunk of the dataset's average
 * size, a small file has its own size. Each starts with a stamp that says which content it is; the bytes behind that are
 * never looked at. What is made of a ghost has the lengths that the real chunk would have.
 */
#ifndef BENCH_SCALE_GHOST_H
#define BENCH_SCALE_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GHOST_PIECE 4096u
#define GHOST_HEAD  "NFPACK1\n" /* of a pack */

struct ghost_stamp {
	uint8_t magic[16];
	uint64_t file;
	uint32_t version, piece, length, unused;
};

/* `average`: bytes of the chunk that a piece stands for, which is between half and one and a half of that. */
void ghost_set_average(uint32_t average);

/* `length`: bytes that the ghost takes, at least that of a stamp; only the stamp is written. */
void ghost_write(uint8_t *out, uint64_t file, uint32_t version, uint32_t piece, uint32_t length);

/* Whether these are a pack of content, of which nothing is there but the footer; *tail: bytes from the footer on. */
bool ghost_pack(const uint8_t *data, size_t len, size_t *tail);

/* A number that looks random, and is the same every time. */
uint64_t ghost_mix(uint64_t a, uint64_t b);

#endif
