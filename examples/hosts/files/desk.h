/* Where envelopes are opened, stored and answered: what bulla-drop and bulla-receive have in common. */
#ifndef FILES_DESK_H
#define FILES_DESK_H

#include "host.h"

struct desk_options {
    const char *key, *passphrase_file, *context, *guard, *folder;
    const char *senders[64];
    size_t sender_count;
    uint64_t lease;       /* seconds for which a message is reserved at a time */
    uint64_t max_size;    /* of content */
    uint64_t keep_free;   /* bytes that are to stay free on the disk */
    int reject_full;      /* tell the sender that there is no room, for good, instead of waiting for it */
    int by_id;            /* names made of the message's id, not those that senders suggest */
};

/* What holds if nothing else is said. */
void desk_defaults(struct desk_options *options);
/* Takes one of the options that the programs share: 1; 0 if it is none of them; -1 if its value is not acceptable. */
int desk_option(struct desk_options *options, int option, const char *value);
/* What is missing, or NULL. */
const char *desk_check(const struct desk_options *options);
/* Whether a path is in a folder, or leads there; the file itself need not be there yet. */
int desk_is_within(const char *file, const char *folder);
/* NULL, or what must not be in a folder in which others write. */
const char *desk_apart(const struct desk_options *options, const char *folder);

/* The long options that desk_option() knows, for getopt_long(). */
enum { DESK_GUARD = 512, DESK_FROM, DESK_DIR, DESK_LEASE, DESK_MAX_SIZE, DESK_KEEP_FREE, DESK_REJECT_FULL, DESK_BY_ID, DESK_PASSPHRASE };
#define DESK_OPTIONS                                                                                                                  \
    {"identity", 1, NULL, 'i'}, {"context", 1, NULL, 'c'}, {"from", 1, NULL, DESK_FROM}, {"guard", 1, NULL, DESK_GUARD},              \
        {"dir", 1, NULL, DESK_DIR}, {"lease", 1, NULL, DESK_LEASE}, {"max-size", 1, NULL, DESK_MAX_SIZE},                             \
        {"keep-free", 1, NULL, DESK_KEEP_FREE}, {"reject-full", 0, NULL, DESK_REJECT_FULL}, {"by-id", 0, NULL, DESK_BY_ID},           \
        {"passphrase-file", 1, NULL, DESK_PASSPHRASE}
#define DESK_USAGE                                                                                                                    \
    "  -i, --identity KEYFILE   your key file\n"                                                                                      \
    "  -c, --context NAME       accept only what was made for this\n"                                                                 \
    "      --from IDENTITY      accept this sender: an identity line, or a file of them; can be given several times\n"                \
    "      --guard FILE         remembers what came, so that it is stored once; it is made if it is not there\n"                      \
    "      --dir FOLDER         where to store, under the names that senders suggest, made harmless\n"                                \
    "      --by-id              store under names made of the message's id\n"                                                         \
    "      --max-size SIZE      reject what is longer (2G); 500k, 20M\n"                                                              \
    "      --keep-free SIZE     so much of the disk is to stay free\n"                                                                \
    "      --reject-full        reject for good what there is no room for, instead of waiting for room\n"                             \
    "      --lease TIME         for how long a message is reserved at a time (60s)\n"                                                 \
    "      --passphrase-file FILE  the passphrase of the key file is its first line\n"

enum outcome {
    STORED_NOW,    /* stored, and read again; there may be a receipt */
    STORED_BEFORE, /* a copy: the same receipt */
    REJECTED_NOW,  /* for good, now or before; there may be a receipt */
    UNACCEPTABLE,  /* damaged, cut off, forged, or not for us; perhaps with a note of damage */
    REFUSED_IT,    /* authentic, but not acceptable: expired, from somebody else, for another context */
    LATER          /* not decided: it may come again */
};

struct desk;
struct taken {
    enum outcome outcome;
    bulla_status status;
    char text[BULLA_ERROR_TEXT + 128]; /* where it is, or why it is nowhere */
    bulla_buffer *receipt;             /* NULL if there is none */
    int notes;                         /* whether its sender may be told of damage */
};

bulla_status desk_open(const struct desk_options *options, struct desk **desk, bulla_error *error);
/* Takes an envelope from a file, from its beginning on if that can be read again. Of damage a sender is told so often and no more:
 * `notes` is 0 for what may not be whole yet. */
enum outcome desk_take(struct desk *desk, int file, int notes, struct taken *taken);
void taken_clear(struct taken *taken);
/* Removes what a process that was killed left behind, a day after. */
void desk_clean(struct desk *desk);
void desk_close(struct desk *desk);

#endif
