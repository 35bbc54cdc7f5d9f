/* Mail that was opened and handed to the mail server, until its queue confirms that it has it.
 *
 * A milter never learns whether the server kept a message: it answers, and the server may fail after that. So each opened mail gets
 * one more recipient, ID@bulla-confirm.invalid. The queue delivers to it by running `bulla-milter --confirm`: then the mail is in
 * the queue, and only then is the message committed and a receipt given. If the queue does not confirm, the reservation ends,
 * and the mail is taken when it is sent again. */
#ifndef BULLA_MAIL_HANDED_H
#define BULLA_MAIL_HANDED_H

#include "whole.h"

#define HANDED_ID 33

/* What is reserved for one recipient; `lease` is NULL if it is the mail as a whole that is. */
struct taken { char *reader; bulla_lease *lease; };
/* What is reserved of a mail. `whole` is NULL while addressees are missing: then there is no receipt yet. */
struct claims { struct taken *taken; size_t count; bulla_lease *whole; char *receipt_to; };
void claims_free(struct claims *claims); /* releases what was not committed */

/* Whether this message was handed over to this reader by a process that did not live to see it confirmed: then nobody knows yet
 * whether the mail server took it. If it did, its queue confirms that soon, and until then nobody else gets it. */
int handed_is_under_way(const struct host *host, const bulla_stamp *stamp, const char *reader);

/* Remembers what is handed over, here and on the disk. Takes the claims over. `id` has room for HANDED_ID. 0, or -1. */
int handed_keep(const struct host *host, struct claims *claims, const struct addressees *addressees, const struct text *envelope, char *id);
/* It was not handed over after all: it may come again at once. */
void handed_drop(const struct host *host, const char *id);
/* The queue has it: commits, and puts the receipt into its folder. 0, or -1 if it must be tried again. */
int handed_confirm(const struct host *host, const char *id);
/* The same at once, for what needs no queue. */
int claims_commit(const struct host *host, const char *id, struct claims *claims);

#endif
