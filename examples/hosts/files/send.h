/* The sender's steps: seal into the outbox, upload, fetch the receipt and settle with it. */
#ifndef FILES_SEND_H
#define FILES_SEND_H

#include "carrier.h"
#include "host.h"

/* Longest line of a note of the outbox, in which it says where an envelope goes. */
enum { NOTE_LINE = 512, RECEIPT_MOST = 65536 };

struct sender {
    bulla_identity *me;
    bulla_public *my_public;
    bulla_public *recipient;
    bulla_database *database;
    bulla_outbox *outbox;
    struct carrier *carrier;
    const char *context;
    const char *to;       /* the folder on the other side */
    const char *receipts; /* the folder of the receipts, mostly the same */
    uint64_t deadline;
    int progress; /* also where there is no terminal */
};

/* A file on its way. */
struct item {
    bulla_digest header;
    char to[NOTE_LINE];
    char receipts[NOTE_LINE];
    char file[NOTE_LINE];
    char name[NAME_LENGTH];
    int taken; /* the outbox has given it to this process, to be sent */
};

enum answer {
    ANSWER_NONE,     /* there is no receipt yet */
    ANSWER_STORED,   /* it is on the other disk, and was read again from there */
    ANSWER_REJECTED, /* it will not be stored; `reason` says why */
    ANSWER_DAMAGED   /* what came was damaged: send it again at once */
};

/* Seals a file into the outbox, where it is durable. Nothing was sent yet. */
bulla_status send_seal(struct sender *sender, const char *file, struct item *item, bulla_error *error);
/* Reads what an outbox says of an entry of ours; 0 if it is none. */
int send_read_note(bulla_view note, const bulla_digest *header, struct item *item);
/* Uploads, and marks it as sent. */
enum carried send_upload(struct sender *sender, struct item *item);
/* Looks for the receipt, and settles with it. */
enum answer send_fetch(struct sender *sender, const struct item *item, uint16_t *reason);

#endif
