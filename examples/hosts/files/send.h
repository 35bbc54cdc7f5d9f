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
    int claims; /* send_claims() */
    struct carrier *carrier;
    const char *context;
    const char *to;       /* the folder on the other side */
    const char *receipts; /* the folder of the receipts, mostly the same */
    uint64_t deadline;
    int progress; /* also where there is no terminal */
};

/* A file on its way. */
struct item {
    bulla_message_id message_id;
    bulla_digest header;
    char to[NOTE_LINE];
    char receipts[NOTE_LINE];
    char file[NOTE_LINE];
    char name[NAME_LENGTH];
    uint32_t attempts; /* how often it was sent, and when it is due, as this process knows it: if the outbox says */
    uint64_t next_due; /* something else, another process has sent it meanwhile */
    int failed;        /* the last upload failed */
    int given_up;      /* it is only looked whether there is a receipt after all */
    bulla_status told; /* what was said of its receipt */
};

enum answer {
    ANSWER_NONE,     /* there is no receipt yet */
    ANSWER_STORED,   /* it is on the other disk, and was read again from there */
    ANSWER_REJECTED, /* it will not be stored; `reason` says why */
    ANSWER_DAMAGED,  /* what came was damaged: send it again at once */
    ANSWER_LATE      /* the deadline is over: it is not sent again */
};

enum sending {
    SENT,       /* or: it may be sent */
    NOT_SENT,   /* it may be tried again */
    BY_ANOTHER, /* another process sends it just now, or has sent it since this one looked */
    NOT_AWAITED /* the outbox waits for no answer any more: send_state() says why */
};

/* The file beside the outbox by which processes keep from sending the same envelope at once; -1 if it cannot be opened. */
int send_claims(const char *outbox);
/* Seals a file into the outbox, where it is durable. Nothing was sent yet. */
bulla_status send_seal(struct sender *sender, const char *file, struct item *item, bulla_error *error);
/* Reads what an outbox says of an entry; 0 if another program has put it there, and then there are no folders and no file. */
int send_read(const bulla_outbox_entry *entry, struct item *item);
/* Uploads, and marks it as sent. */
enum sending send_upload(struct sender *sender, struct item *item);
/* Looks for the receipt, and settles with it. */
enum answer send_fetch(struct sender *sender, struct item *item, uint16_t *reason);
/* What the outbox says of it now: another process may have got the receipt. */
enum answer send_state(const struct sender *sender, const struct item *item, uint16_t *reason);

#endif
