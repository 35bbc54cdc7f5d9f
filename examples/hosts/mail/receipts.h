/* Receipts: those we give, which wait in a folder until the mail server has them, and those that come. */
#ifndef BULLA_MAIL_RECEIPTS_H
#define BULLA_MAIL_RECEIPTS_H

#include "host.h"
#include "mail.h"

/* Puts a receipt into the folder. `id` groups what is sent together. 0, or -1 after it has said so on the log. */
int receipt_keep(const struct host *host, const char *id, const char *to, bulla_view receipt, uint32_t outcome);
/* Sends what is there under this id (NULL: everything). 0 if nothing is left, else -1. What the mail server refuses for good stays,
 * and is not waited for by who asks with an id; nor is a server that does not answer, more than once. */
int receipts_send(const struct host *host, const char *id);
/* Gives up what could not be sent since then. */
void receipts_forget(const struct host *host, uint64_t before);

/* A receipt that came settles what is in the outbox. */
void receipt_take(const struct host *host, const struct text *receipt, struct outcome *outcome);

#endif
