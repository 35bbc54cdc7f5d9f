/* Brings files to the other side, and waits until each is confirmed. */
#ifndef FILES_DELIVER_H
#define FILES_DELIVER_H

#include "send.h"

struct patience {
    uint64_t wait;   /* seconds to wait for receipts; 0: not at all */
    uint64_t resend; /* seconds without a receipt until it is sent again; doubled each time */
    unsigned anew;   /* how often a file is sealed anew that was rejected for want of room, or by a failure of the other side */
};

struct delivery;

struct delivery *delivery_new(struct sender *sender, const struct patience *patience);
/* Adds a file, which is sealed into the outbox. */
bulla_status delivery_seal(struct delivery *delivery, const char *file, bulla_error *error);
/* Adds what is in the outbox. If it was sent before its receipt is looked for; if there is none and it is due, it is sent again. */
bulla_status delivery_add(struct delivery *delivery, const struct item *item, int due);
/* Sends and waits. An exit status: done, refused, awaited. */
int delivery_run(struct delivery *delivery);
void delivery_free(struct delivery *delivery);

#endif
