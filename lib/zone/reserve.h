/*
 * What a zone's folder keeps back for when its disk is full: small files in `.reserve/`, each worth a block and an
 * inode. Destroying begins with writing (a lease, an intent, marks); without this a full zone could never be freed.
 */
#ifndef ZONE_RESERVE_H
#define ZONE_RESERVE_H

#include <stdbool.h>

#define RESERVE_FOLDER    ".reserve"
#define RESERVE_FILES     64
#define RESERVE_FILE_SIZE 4096

/* Makes what lacks, as far as there is room; a failure is none of the caller's business. `root`: the zone's folder. */
void reserve_keep(int root);

/* Gives one file's room back to the disk. False: there is none left. */
bool reserve_give(int root);

#endif
