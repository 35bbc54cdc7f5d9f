/* What is remembered of a sealed mail beside the outbox: its outer header and addresses, to send it again, and its stamp, so that
 * a client that gives the same mail once more (after a 4xx) makes no second message of it. */
#ifndef BULLA_MAIL_OUTGOING_H
#define BULLA_MAIL_OUTGOING_H

#include "host.h"
#include "mail.h"

#define OUTGOING_NAME 65

struct addressee { bulla_key key; char *address; };
/* The list of the addressees of a key, sealed to it (addressees.h). */
struct list { bulla_key key; bulla_sent sent; struct text sealed; };

struct outgoing {
    char name[OUTGOING_NAME];
    bulla_sent sent;
    char *from;
    struct addressee *addressees;
    size_t count;
    struct list *lists;
    size_t list_count;
    struct text header; /* the outer one, with LF, and an empty line */
};

void outgoing_free(struct outgoing *outgoing);
/* The same mail, from the same sender to the same recipients with the same keys, has the same name: with other keys it is another
 * message, and each needs its own lists when it is sent again. `apart` is NULL, or a message from which this one is told apart:
 * one whose time is over, so that each leads to the next; or itself, where each is a message of its own. 0, or -1. */
int outgoing_name(struct outgoing *outgoing, const struct text *content, const bulla_sent *apart);
int outgoing_address(struct outgoing *outgoing, const bulla_key *key, const char *address);
int outgoing_list(struct outgoing *outgoing, const bulla_key *key, const bulla_sent *sent, const void *sealed, size_t length);
/* The list of a key; NULL if there is none. */
const struct list *outgoing_list_of(const struct outgoing *outgoing, const bulla_key *key);
int outgoing_write(const struct host *host, const struct outgoing *outgoing);
/* 0; or -1 and errno: ENOENT if there is none, EINVAL if what is there is none. All else says nothing of whether there is one. */
int outgoing_read(const struct host *host, const char *name, struct outgoing *outgoing);
/* Keeps it from being cleared away with what is as old as it was. */
void outgoing_keep(const struct host *host, const char *name);
/* The addresses of a key, separated by ", ". */
void outgoing_recipients(const struct outgoing *outgoing, const bulla_key *key, struct text *out);

/* Remembers what we sealed, an envelope with the lists that go with it or a receipt, so that it is known when it is given to us to
 * be sent. If that is lost it is sealed once more, which the reader's side understands of receipts. */
void ours_remember(const struct host *host, const uint8_t *bytes, size_t length, const struct text *lists);
/* 1, or 0; or -1 if that cannot be known now. */
int ours_is(const struct host *host, const uint8_t *bytes, size_t length, const struct text *lists);

#endif
