/* Broken mail: what the two parts of the test share. */
#ifndef BULLA_MAIL_HOSTILE_H
#define BULLA_MAIL_HOSTILE_H

#include "mail.h"

/* A number below this one, by chance; 0 for 0. */
size_t below(size_t limit);
/* One change: bytes taken out, a piece put in, a byte made another. */
void change(struct text *mail);

/* What is compared and looked up, however it is spelt: key tables are written into this folder. */
void check_keys(const char *folder);
void check_results(void);

/* Makes two ends in an empty folder. */
void ends_make(const char *folder);
void ends_free(void);
/* Breaks sealed mails so often. */
void break_sealed(long rounds);
/* Lets every allocation of the host fail in its turn. */
void fail_everywhere(void);

#endif
