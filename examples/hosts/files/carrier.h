/*
 * Carries files to a folder on the other side and back, by libcurl: sftp, ftp, ftps, file, http, https.
 *
 * A carrier is not trusted: what it brings is opened by the library, and what it takes is sealed.
 */
#ifndef FILES_CARRIER_H
#define FILES_CARRIER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct carrier_options {
    const char *netrc;       /* names and passwords; NULL: ~/.netrc if it is there */
    const char *ssh_key;     /* a private key; NULL: what the agent has */
    const char *known_hosts; /* NULL: ~/.ssh/known_hosts */
    const char *authorities; /* certificates to trust for ftps and https; NULL: those of the system */
    int require_tls;         /* for ftp: no plain connection */
    uint64_t rate;           /* bytes per second at most; 0: as fast as it goes */
    uint64_t stall;          /* what stands still or creeps for so many seconds is given up, and gone on with later; 0: a minute */
    const volatile sig_atomic_t *ended; /* once this is not 0, what is under way is given up; may be NULL */
};

enum carried {
    CARRIED,         /* it was done */
    CARRIED_NOTHING, /* there is no file of this name, or not yet */
    CARRIED_NOT_TRIED, /* a moment ago its server could not be reached; that was said then */
    CARRIED_FAILED   /* it may succeed later; carrier_trouble() says why it did not */
};

/* What is uploaded: may be read again from any place. */
struct cargo {
    uint64_t length;
    /* Goes to a place, which is not beyond the end. 0 if it fails. */
    int (*seek)(void *context, uint64_t place);
    /* Reads at most so many bytes; 0 at the end, -1 if it fails. */
    long (*read)(void *context, unsigned char *piece, size_t at_most);
    /* How far it has come; may be NULL. */
    void (*progress)(void *context, uint64_t place);
    void *context;
};

struct carrier;

struct carrier *carrier_new(const struct carrier_options *options);
/* Why the last call failed. */
const char *carrier_trouble(const struct carrier *carrier);
/* Whether a folder can be used: NULL, or else what is wrong with its URL. */
const char *carrier_refuses(const char *folder);
/* Whether a file can be carried under this name: NULL, or else what is wrong with it. */
const char *carrier_refuses_name(const char *name);
/* Whether its server could not be reached a moment ago. */
int carrier_is_away(struct carrier *carrier, const char *folder);
/* Uploads as NAME.part, going on where an earlier attempt was cut off, and renames it to NAME. With http, which has no rename, as
 * NAME at once. */
enum carried carrier_upload(struct carrier *carrier, const char *folder, const char *name, const struct cargo *cargo);
/* Fetches a short file. */
enum carried carrier_fetch(struct carrier *carrier, const char *folder, const char *name, unsigned char *data, size_t size,
                           size_t *length);
enum carried carrier_remove(struct carrier *carrier, const char *folder, const char *name);
void carrier_free(struct carrier *carrier);

#endif
