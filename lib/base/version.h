/* The version that --version, headers of snapshots and reports name. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define NIGHTFOLD_VERSION "0.1.0"

#endif
