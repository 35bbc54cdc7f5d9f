/* The role "open": finds the envelope, opens it, and gives the original mail back. */
#ifndef BULLA_MAIL_OPENING_H
#define BULLA_MAIL_OPENING_H

#include "authors.h"
#include "host.h"
#include "mail.h"

/* What to do with a mail that came. `results` receives the value for Authentication-Results, if the verdict is to pass or change. */
void open_mail(const struct host *host, const struct mail *mail, struct outcome *outcome, struct text *results);

#endif
