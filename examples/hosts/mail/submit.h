/* Hands a mail of our own (receipts, notices, what is sent again) to the mail server. */
#ifndef BULLA_MAIL_SUBMIT_H
#define BULLA_MAIL_SUBMIT_H

#include "config.h"
#include "text.h"

#define SUBJECT_RECEIPT "Receipt"
#define SUBJECT_REJECTED "Sealed message not accepted"

/* Whether an address can stand in a command and in a header line as it is: others write what is given here, senders among them. */
int address_is_plain(const char *address);

/* Lines of `mail` end with LF. `recipients` are separated by ", ". 0 if the server has taken it for one of them at least: the others
 * are named on the log, and it is not their fault. Else, after it has said on the log why not, -1; or 1 if the server said that it
 * never will. */
int submit(const struct config *config, const char *from, const char *recipients, const struct text *mail);

/* A receipt or bounce for a message: its header and body, with LF. */
void receipt_mail_write(struct text *out, const struct config *config, const char *to, const uint8_t *receipt, size_t length,
                        int rejected);

#endif
