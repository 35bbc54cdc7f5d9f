/* The role "seal": a whole mail becomes the content of an envelope. */
#ifndef BULLA_MAIL_SEALING_H
#define BULLA_MAIL_SEALING_H

#include "host.h"
#include "mail.h"

/* What to do with a mail. Nothing goes out in clear unless the key table says so for every recipient. */
void seal_mail(const struct host *host, const struct mail *mail, struct outcome *outcome);

#endif
