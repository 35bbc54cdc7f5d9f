/* The mail as a whole, to its key: it has been delivered when each of the key's addressees has it, and only then is there a receipt.
 *
 * To the guard each addressee is a reader of the list (addressees.h), and the key itself the reader of the mail. Where a list names
 * one addressee the two are the same, and only the mail is reserved. So any server that asks the same guard can tell who has it. */
#ifndef BULLA_MAIL_WHOLE_H
#define BULLA_MAIL_WHOLE_H

#include "addressees.h"

/* Reserves the mail, as bulla_open_leased(). `receipt_to` receives where the author wants receipts; free it. BULLA_MALFORMED if the list
 * is another mail's. */
bulla_status whole_lease(const struct host *host, const struct addressees *addressees, const struct text *envelope, bulla_lease **lease,
                         bulla_answer **again, char **receipt_to, bulla_error *error);

/* Commits it, and keeps the receipt under an id (receipts.h). */
bulla_status whole_accept(const struct host *host, const char *id, bulla_lease *lease, const char *receipt_to);

/* Commits it for one addressee, if that was not done before. There is no receipt of that. */
bulla_status addressee_commit(const struct host *host, const struct addressees *addressees, const char *reader, bulla_error *error);
/* Whether each addressee has it. 1, 0, or -1 if the guard cannot tell now. */
int addressees_complete(const struct host *host, const struct addressees *addressees);

/* Keeps the receipt, if each addressee has the mail: made now, or before. Where the list names one alone he must have it, or this must
 * not be called. 0; 1 if it was rejected before; -1 if it must be tried again. */
int whole_receipt(const struct host *host, const char *id, const struct addressees *addressees, const struct text *envelope);

#endif
