/*
 * What lies under the name of an index or a header and opens in no zone (private to lib/repo): junk, which anybody who
 * may write to one zone can put there, or something real that is damaged? Collection waits for what may be real
 * (repo->chain_broken), since what a snapshot needs must not be taken for what nobody needs; junk is told and ignored,
 * or one writer to one zone could stop the collection of both for good.
 *
 * An index is junk
 *	- when its bytes are those that its name says, and it is not what its owner signs: damage makes no
 *	  matching hash;
 *	- when its chain has a valid index of that number;
 *	- when it lies in one zone of two, and its number is beyond all that anything valid knows of: the chain
 *	  itself, heads in headers and in indexes, and what this catalogue remembers of what it wrote and was
 *	  served. A real index there would have been named by its snapshot's header. (One of a compaction is not;
 *	  but then the packs that it replaced are gone, and collection does not act while live snapshots lack
 *	  chunks.)
 *
 * A header is junk when it lies in one zone of two, and all this holds:
 *	- no signed seal of its snapshot lies anywhere (repo/headless.c);
 *	- no seal of its snapshot lies in the other zone;
 *	- there are valid headers, and this catalogue remembers none newer than the newest of them;
 *	- headers name the newest index of each agent: a snapshot that is missing would have left one (while
 *	  collection has added one since the last night, this waits for the next).
 * (Between others that are within their time, a header that is missing leaves a gap in the chain, which is told by
 * itself. Before the first, what has no seal nobody could open, and what has one is waited for: the first rule.)
 *
 * With a zone away, nothing is decided: all of it may be real.
 */
#ifndef REPO_DOUBT_H
#define REPO_DOUBT_H

#include "repo/load.h"

/* When all else is loaded. Tells of the indexes in doubt, and takes those that are junk out of repo->indexes. */
must_check int doubt_settle(struct repo *r, const struct listing listings[REPO_ZONES_MAX]);

void doubt_release(struct doubt *d);

#endif
