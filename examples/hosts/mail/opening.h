/* The role "open": finds the envelope, opens it, and gives the original mail back. */
#ifndef BULLA_MAIL_OPENING_H
#define BULLA_MAIL_OPENING_H

#include "host.h"
#include "mail.h"

/* What to do with a mail that came. `results` receives the value for Authentication-Results, if the verdict is to pass or change. */
void open_mail(const struct host *host, const struct mail *mail, struct outcome *outcome, struct text *results);

/* What the milter and the delivery agent have in common: mail that is not sealed, and whether the author may sign so. */
int plain_is_refused(const struct host *host, const struct mail *mail);
/* 1: the signer's key is the one of this address; 0: nobody knows the address; -1: it is another's. */
int author_is(const struct host *host, const char *address, const bulla_key *signer);
/* What a failure to open means. */
void refuse(const struct host *host, bulla_status status, const char *why, struct outcome *outcome);

#endif
