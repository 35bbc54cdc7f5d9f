/* A folder into which others put envelopes: NAME.bulla. Each gets its answer beside it: NAME.receipt. */
#ifndef FILES_FOLDER_H
#define FILES_FOLDER_H

#include "carrier.h"
#include "desk.h"

#include <signal.h>

struct folder_options {
    const char *path;
    const char *receipts; /* a URL to upload receipts to; NULL: they are put beside the envelopes */
    const volatile sig_atomic_t *ended; /* no more is begun once this is not 0 */
    int wake;             /* what can be read here ends the wait */
    uint64_t settle;      /* what is not acceptable is set aside once it has not changed for so many seconds */
};

struct folder;

/* NULL if it cannot be used, and then that is said. */
struct folder *folder_open(const struct folder_options *options, struct desk *desk, struct carrier *carrier);
/* Begins to watch it; 0 if that fails. */
int folder_watch(struct folder *folder);
/* Takes everything that is there. How many are left for later, or -1. */
long folder_scan(struct folder *folder);
/* Takes what comes, for so many milliseconds at most, or until a signal comes. 0 if the folder is gone. */
int folder_wait(struct folder *folder, int milliseconds);
void folder_close(struct folder *folder);

#endif
