/* The receipt "stored" of a key with several addressees, each of whom has a mailbox of his own. */
#ifndef BULLA_MAIL_STORED_H
#define BULLA_MAIL_STORED_H

#include "whole.h"

/* One of the addressees has it in his mailbox. If that holds for all of them now, `answer` receives what the receipt is in. BULLA_OK,
 * or BULLA_AGAIN if it was given before; BULLA_NOTHING if somebody is missing; else a failure. `folder` is for a file that is written,
 * read again and removed: what the receipt says is said of this very disk. */
bulla_status whole_stored(const struct host *host, const struct addressees *addressees, const char *reader, const struct text *envelope,
                          const char *folder, bulla_answer **answer, bulla_error *error);

#endif
