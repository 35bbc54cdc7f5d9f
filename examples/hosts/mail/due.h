/* The sender's side after sending: what is unreceipted, what is sent again, and whom the author hears from. */
#ifndef BULLA_MAIL_DUE_H
#define BULLA_MAIL_DUE_H

#include "host.h"

/* Sends what is due, tells authors of failures, and clears away what is old. To be run every few minutes. 0, also if
 * another one is at it; or -1 if something is left to be done. */
int due_run(const struct host *host);

/* Prints what the outbox holds. 0; or 1 if something failed; or -1 if the outbox cannot be read. */
int report(const struct host *host, int everything);

/* Which mail a proof is wanted of: its Message-ID, or Bulla's own id of the message; the sender of its envelope, or NULL; and to whom it
 * went, where several keys gave a receipt, or NULL. */
struct asked { const char *id, *from, *to; };

/* Writes the armored proof of its receipt. 0; 1 if there is none, or more than one, or if it may be of another mail; or -1. */
int proof(const struct host *host, const struct asked *asked);

#endif
